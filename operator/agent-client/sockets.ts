import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { socketPathBytesMax } from '../limits.ts'
import { parseDestination, type SshDestination } from '../ssh/destination.ts'
import type { SshLine } from '../ssh/ssh-line.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** Where an agent is asked, as two sockets of this machine. */
export interface NodePlace {
  readonly covey: string
  /** For what is root's alone. */
  readonly admin: string
  /** As people know it: `ssh://root@cloud01`; undefined for the sockets of this machine. */
  readonly remote: string | undefined
  /** The connection by ssh, where it is one. */
  readonly line?: SshLine
}

/**
 * The host that `--to` names by ssh; undefined where it names a socket, or nothing. Throws
 * `Failure` `to-not-supported`, `ssh-destination`.
 */
export function sshTarget(session: Session): SshDestination | undefined {
  const { to } = session.settings
  const scheme = to === undefined ? undefined : /^([a-z][a-z0-9+.-]*):\/\//i.exec(to)?.[1]
  if (to === undefined || scheme === undefined) return undefined
  if (scheme !== 'ssh') {
    const message = `--to ${to}: a node is reached by a socket or by ssh, not by ${scheme}://`
    throw new Failure(2, 'to-not-supported', message, {
      hint: 'name a socket or a host: --to /run/covey/covey.sock, --to ssh://root@cloud01',
    })
  }
  const destination = parseDestination(to)
  if (typeof destination !== 'string') return destination
  throw new Failure(2, 'ssh-destination', `--to ${to}: ${destination}`, {
    hint: 'as in: --to ssh://root@cloud01',
  })
}

/** The sockets that `--to` names, else those of the run folder. Throws `Failure` `socket-path`. */
export function localPlace(session: Session): NodePlace {
  const { to, runDir } = session.settings
  if (to === undefined) {
    const [covey = '', admin = ''] = ['covey.sock', 'admin.sock'].map((name) =>
      fitting(resolve(runDir, name), '--run-dir'),
    )
    return { covey, admin, remote: undefined }
  }
  const path = fitting(session.path(to), '--to')
  // Another name is taken as it is: a forwarded socket has any name.
  const beside = resolve(dirname(path), 'admin.sock')
  const hasBoth = basename(path) === 'covey.sock' && existsSync(beside)
  return { covey: path, admin: hasBoth ? beside : path, remote: undefined }
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
