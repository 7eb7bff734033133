import { cleanPath } from '../../docker/remote-files.ts'
import type { Layout } from '../../layout/layout.ts'
import { parseDestination, type SshDestination } from '../../ssh/destination.ts'
import { Failure } from '../../terminal/failure.ts'

/** A folder of a host, or a Compose file in it. */
export interface ImportSource {
  readonly destination: SshDestination
  /** Absolute; neither `/` nor with anything that a name of a file should not hold. */
  readonly path: string
  /** The host as it was written. */
  readonly written: string
}

const hint = 'as in: covey stack import root@pi.lan:/opt/immich'

/**
 * Reads `[USER@]HOST[:PORT]:/PATH`. A HOST that is the name of a host of the layout means its ssh
 * address. Throws `Failure` `import-source`.
 */
export function parseImportSource(text: string, { hosts }: Layout): ImportSource {
  const bare = text.replace(/^ssh:\/\//, '')
  const at = bare.search(/:?\//)
  const written = at <= 0 ? bare : bare.slice(0, at)
  const path = at <= 0 ? undefined : cleanPath(bare.slice(bare.indexOf('/', at)))
  if (path === undefined || path === '/') {
    const why = 'must be [USER@]HOST:/FOLDER with the folder of a Compose project'
    throw new Failure(2, 'import-source', `${text}: ${why}`, { hint })
  }
  const destination = hosts.get(written)?.ssh ?? parseDestination(written)
  if (typeof destination !== 'string') return { destination, path, written }
  throw new Failure(2, 'import-source', `${text}: the host ${destination}`, { hint })
}

/**
 * The host of the layout that is meant: the named one, else the one that is reached there. Throws
 * `Failure` `import-host`.
 */
export function layoutHostOf(
  { destination, written }: ImportSource,
  { hosts }: Layout,
  named: string | undefined,
): string {
  const known = `hosts of the layout: ${[...hosts.keys()].join(', ') || 'none yet'}`
  if (named !== undefined) {
    if (hosts.has(named)) return named
    throw new Failure(2, 'import-host', `--host ${named}: the layout has no such host`, {
      hint: known,
    })
  }
  if (hosts.has(written)) return written
  const address = destination.host
  const found = [...hosts].filter(([name, { ssh, endpoint }]) => {
    const at = endpoint?.text.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
    return name === address || ssh?.host === address || at === address
  })
  const [first] = found
  if (first !== undefined && found.length === 1) return first[0]
  const message =
    found.length === 0
      ? `no host of the layout is known to be at ${address}`
      : `${found.map(([name]) => name).join(' and ')} are both at ${address}`
  throw new Failure(2, 'import-host', message, { hint: `say which it is: --host NAME; ${known}` })
}
