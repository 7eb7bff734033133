import type { Command } from '../host-ports.ts'

/** Lists the sockets of this host that wait for others, TCP and UDP, with numbers only. */
export function listenersCommand(): Command {
  return { tool: 'ss', args: ['-H', '-n', '-l', '-t', '-u'] }
}

/** Reads what `listenersCommand` printed; lines of another form are passed over. */
export function parseListeners(stdout: string): readonly {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Null for every address. */
  readonly address: string | null
}[] {
  return stdout.split('\n').flatMap((line) => {
    const [kind, , , , local] = line.trim().split(/\s+/)
    const [, address, port] = /^(.*):(\d+)$/.exec(local ?? '') ?? []
    if ((kind !== 'tcp' && kind !== 'udp') || address === undefined) return []
    const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
    const isAny = bare === '*' || bare === '0.0.0.0' || bare === '::'
    return [{ protocol: kind, port: Number(port), address: isAny ? null : bare }]
  })
}
