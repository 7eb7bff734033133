import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** Path of the socket to talk to: `--to`, else `covey.sock` of the run folder. */
export function socketPath(session: Session): string {
  const { to, runDir } = session.settings
  if (to === undefined) return resolve(runDir, 'covey.sock')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(to)?.[1]
  if (scheme === undefined) return session.path(to)
  throw new Failure(
    2,
    'to-not-supported',
    `--to ${to}: this version talks to a socket only, not to ${scheme}://`,
    {
      hint: 'run covey on that host, or name a socket: --to /run/covey/covey.sock',
    },
  )
}

/**
 * Path of the socket for what is root's alone: `admin.sock` of the run folder, or beside the
 * `covey.sock` that `--to` names. Another name is taken as it is: a forwarded socket has any name.
 */
export function adminSocketPath(session: Session): string {
  const path = socketPath(session)
  if (session.settings.to === undefined) return resolve(dirname(path), 'admin.sock')
  const beside = resolve(dirname(path), 'admin.sock')
  return basename(path) === 'covey.sock' && existsSync(beside) ? beside : path
}
