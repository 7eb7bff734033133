import { pieces, plainLayer, savedArchive } from './archive-of.ts'
import { folder as folderEntry, tarOf } from './rich-image.ts'
import { imagesIn } from './store-of.ts'

/** Loads one image after another into the folder of the argument, telling of each, until killed. */
const [folder = ''] = process.argv.slice(2)
const images = await imagesIn(folder)
images.port.retain([])
for (let seed = 0; ; seed++) {
  const files = Array.from({ length: 200 }, (_, at) => {
    return { path: `files/${at}`, content: `${process.pid} ${seed} ${at} `.repeat(50) }
  })
  const upper = tarOf({ path: 'files/0', content: 'upper' })
  const archive = savedArchive([tarOf(folderEntry('./'), ...files), upper].map(plainLayer))
  const events = { signal: new AbortController().signal, onImage() {} }
  const [loaded] = await images.load(pieces(archive), events)
  process.stdout.write(`${loaded?.digest}\n`)
  if (seed % 3 === 2) await images.prune()
}
