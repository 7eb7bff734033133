import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { editLockMs, editLockMsMax } from '../limits.ts'
import { Failure, systemCode } from '../terminal/failure.ts'
import type { Io } from '../terminal/io.ts'
import type { FolderFiles } from './folder-files.ts'

/**
 * Runs `edit` while no other covey of this machine edits the folder. Throws `Failure`
 * `folder-busy`.
 */
export async function whileEditing<T>(
  io: Io,
  { dir, files }: FolderFiles,
  edit: () => Promise<T>,
): Promise<T> {
  const real = (await files.look(dir))?.path ?? dir
  const name = createHash('sha256').update(real).digest('hex')
  for (let waitedMs = 0; ; waitedMs += editLockMs) {
    const held = await io.takeName(`covey-edit-${name}`)
    if (held !== undefined) {
      try {
        return await edit()
      } finally {
        held()
      }
    }
    if (waitedMs >= editLockMsMax) {
      const message = `another covey has been editing ${dir} for ${editLockMsMax / 1000} s`
      throw new Failure(1, 'folder-busy', message, { hint: 'let it finish, then run this again' })
    }
    await sleep(editLockMs)
  }
}

/**
 * Takes a name that only one process of this machine can have, and gives what gives it back;
 * undefined where another process has it. It is a name in Linux's abstract socket namespace
 * (unix(7)): the kernel takes it back whenever the process ends, so it is never stale. Systems
 * without that give every name to everybody.
 */
export function takeName(name: string): Promise<(() => void) | undefined> {
  if (process.platform !== 'linux') return Promise.resolve(() => undefined)
  const server = createServer((socket) => socket.destroy())
  return new Promise((fulfil, reject) => {
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') fulfil(undefined)
      else reject(error)
    })
    server.listen(`\0${name}`, () => fulfil(() => server.close()))
  })
}
