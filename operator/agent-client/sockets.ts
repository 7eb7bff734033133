import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { socketPathBytesMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/**
 * Path of the socket to talk to: `--to`, else `covey.sock` of the run folder. Throws `Failure`
 * `socket-path`, `to-not-supported`.
 */
export function socketPath(session: Session): string {
  const { to, runDir } = session.settings
  if (to === undefined) return fitting(resolve(runDir, 'covey.sock'), '--run-dir')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(to)?.[1]
  if (scheme === undefined) return fitting(session.path(to), '--to')
  throw new Failure(
    2,
    'to-not-supported',
    `--to ${to}: this version talks to a socket only, not to ${scheme}://`,
    {
      hint: 'run covey on that host, or name a socket: --to /run/covey/covey.sock',
    },
  )
}

/** A longer one would not be opened, or be cut off and another one opened in its place. */
function fitting(path: string, flag: string): string {
  const bytes = Buffer.byteLength(path)
  if (bytes <= socketPathBytesMax) return path
  const message = `the path of the socket is too long: it has ${bytes} bytes, and ${socketPathBytesMax} fit`
  throw new Failure(2, 'socket-path', `${message}: ${path}`, {
    hint: `make a short link to its folder, and name that: ln -s DIR /tmp/c, ${flag} /tmp/c…`,
  })
}

/**
 * Path of the socket for what is root's alone: `admin.sock` of the run folder, or beside the
 * `covey.sock` that `--to` names. Another name is taken as it is: a forwarded socket has any name.
 */
export function adminSocketPath(session: Session): string {
  const path = socketPath(session)
  if (session.settings.to === undefined) {
    return fitting(resolve(dirname(path), 'admin.sock'), '--run-dir')
  }
  const beside = resolve(dirname(path), 'admin.sock')
  return basename(path) === 'covey.sock' && existsSync(beside) ? beside : path
}
