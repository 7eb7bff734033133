/** A host as ssh is asked for it; whatever is left out, ssh's own configuration says. */
export interface SshDestination {
  readonly user: string | undefined
  /** A name, an alias of ssh's configuration, or an address, without brackets. */
  readonly host: string
  readonly port: number | undefined
  /** Folder of the agent's sockets on that host. */
  readonly runDir: string
}

/** The usual folder of an agent's sockets. */
const usualRunDir = '/run/covey'

const shape =
  /^(?:ssh:\/\/)?(?:([A-Za-z0-9_][\w.-]{0,63})@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][\w.-]{0,254})(?::(\d{1,5}))?(\/[\w./-]*)?$/

/**
 * Reads `[user@]host[:port]`, with or without `ssh://` before it and the path of a run folder
 * behind it, or says in a sentence why it is none. Nothing in it can be taken for an option of ssh.
 */
export function parseDestination(text: string): SshDestination | string {
  const match = shape.exec(text)
  const [, user, host = '', port, path] = match ?? []
  const number = port === undefined ? undefined : Number(port)
  if (match === null || (number !== undefined && (number < 1 || number > 65_535))) {
    return 'must be [USER@]HOST[:PORT], as root@203.0.113.7, pi@pi.lan:2222 or root@[2001:db8::1]'
  }
  const folder = path === undefined || path === '/' ? usualRunDir : path
  return { user, host: host.replace(/^\[|\]$/g, ''), port: number, runDir: folder }
}

/** `ssh://user@host:port`, as it is shown to people and taken by `--to`. */
export function destinationText({ user, host, port, runDir }: SshDestination): string {
  const name = host.includes(':') ? `[${host}]` : host
  const folder = runDir === usualRunDir ? '' : runDir
  return `ssh://${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}${folder}`
}

/** The command line by which a person would go there. */
export function sshCommandText({ user, host, port }: SshDestination): string {
  const where = user === undefined ? host : `${user}@${host}`
  return port === undefined ? `ssh ${where}` : `ssh -p ${port} ${where}`
}
