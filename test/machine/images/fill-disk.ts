import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import { pieces, plainLayer, savedArchive } from './archive-of.ts'
import { folder as folderEntry, tarOf } from './rich-image.ts'
import { imagesIn } from './store-of.ts'

/** Loads an image that does not fit the small disk of the argument, then one that does. */
const [folder = ''] = process.argv.slice(2)
const events = { signal: new AbortController().signal, onImage() {} }
const archiveOf = (bytes: number): Buffer => {
  const content = Buffer.alloc(bytes, 'x')
  return savedArchive([plainLayer(tarOf(folderEntry('./'), { path: 'file', content }))])
}
// The guard that keeps room for the host looks away, so that the disk itself must refuse.
const images = await imagesIn(folder, { freeBytes: async () => 1e12 })
const error = await images.load(pieces(archiveOf(4_000_000)), events).then(
  () => null,
  (reason: unknown) => reason,
)
const left = Object.fromEntries(
  ['work', 'layers', 'blobs'].map((name) => [
    name,
    readdirSync(join(folder, 'state/images', name)),
  ]),
)
const after = await images.load(pieces(archiveOf(1_000_000)), events).then(
  () => 'loaded',
  (reason: unknown) => String(reason),
)
const told = error instanceof CoveyError ? { code: error.code, message: error.message } : { error }
process.stdout.write(JSON.stringify({ ...told, left, after }))
