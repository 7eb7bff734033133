import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDisk } from '../../machine/files/disk.ts'

/** Fills the small file system of a folder, and prints what a disk in it then does, as JSON. */
const [folder = ''] = process.argv.slice(2)
const disk = createDisk(join(folder, 'state'))
const content = Buffer.alloc(2 * 1024 * 1024, 7)
const codeOf = (error: NodeJS.ErrnoException): string => error.code ?? error.message
const replace = (mayUseReserve: boolean): Promise<string> =>
  disk.replace([{ path: 'head.json', content }], { mayUseReserve }).then(() => 'stored', codeOf)

const filler = join(folder, 'filler')

async function fill(): Promise<void> {
  const file = await open(filler, 'a')
  const part = Buffer.alloc(4096)
  while (
    await file.write(part).then(
      () => true,
      () => false,
    )
  );
  await file.close()
}

await disk.replace([{ path: 'floor.json', content: 'null\n' }])
const made = await disk.keepReserve()
await fill()
const without = await replace(false)
const names = await disk.list('.')
const withReserve = await replace(true)
const left = await disk.list('.')
const whole = Buffer.from((await disk.read('head.json')) ?? []).equals(content)
const refused = !(await disk.keepReserve())
await rm(filler)
const again = await disk.keepReserve()
console.log(JSON.stringify({ made, without, names, withReserve, left, whole, refused, again }))
