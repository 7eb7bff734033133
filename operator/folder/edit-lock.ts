import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { editLockMs, editLockMsMax } from '../limits.ts'
import { Failure, systemCode } from '../terminal/failure.ts'

/**
 * Runs `edit` while no other covey of this machine edits the folder. The lock is a name in Linux's
 * abstract socket namespace (unix(7)): the kernel gives it back whenever the process ends, so it is
 * never stale. Systems without that have no lock. Throws `Failure` `folder-busy`.
 */
export async function whileEditing<T>(dir: string, edit: () => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return await edit()
  const name = createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
  for (let waitedMs = 0; ; waitedMs += editLockMs) {
    const held = await take(`\0covey-edit-${name}`)
    if (held !== undefined) {
      try {
        return await edit()
      } finally {
        held.close()
      }
    }
    if (waitedMs >= editLockMsMax) {
      const message = `another covey has been editing ${dir} for ${editLockMsMax / 1000} s`
      throw new Failure(1, 'folder-busy', message, { hint: 'let it finish, then run this again' })
    }
    await sleep(editLockMs)
  }
}

function take(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((fulfil, reject) => {
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') fulfil(undefined)
      else reject(error)
    })
    server.listen(path, () => fulfil(server))
  })
}
