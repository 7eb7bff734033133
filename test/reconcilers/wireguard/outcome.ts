import { cidrText } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { resolveWireguard } from '../../../reconcilers/wireguard/resolve.ts'
import { configOf } from '../configs.ts'

/** A public key of letters. */
export function key(letter: string): string {
  return `${letter.repeat(42)}A=`
}

/** A `wireguard_network`. */
export function network(address: string, more: object = {}): object {
  return { type: 'wireguard_network', link_name: 'wg0', address, ...more }
}

/** A `wireguard_peer` of `wg`. */
export function peer(ranges: readonly string[], more: object = {}): object {
  return { type: 'wireguard_peer', network: 'wg', allowed_ips: ranges, ...more }
}

export const mesh: object = { type: 'wireguard_mesh', network: 'wg' }

interface Outcome {
  /** `object host? key ranges endpoint keepalive` of each peer. */
  readonly peers: readonly string[]
  readonly pending: readonly string[]
  /** `object: code path`. */
  readonly faulty: readonly string[]
}

/** The outcome of host `a` for its section. */
export function outcome(hosts: Record<string, unknown>): Outcome {
  const { spec, pending, faulty } = resolveWireguard(clusterOf(configOf(hosts)), 'a')
  return {
    peers: spec.links.flatMap((link) =>
      link.peers.map((each) => {
        const ranges = each.allowedIps.map(cidrText).join()
        const endpoint = each.endpoint === null ? '-' : each.endpoint.host
        const letter = each.publicKey.charAt(0)
        return `${each.object} ${each.host ?? '-'} ${letter} ${ranges} ${endpoint} ${each.keepaliveSeconds}`
      }),
    ),
    pending: pending.map(({ object, reason }) => `${object}: ${reason}`),
    faulty: faulty.map(({ object, fault }) => `${object}: ${fault.code} ${fault.path}`),
  }
}

/** Hosts, and what comes of them. */
export interface Case {
  readonly says: string
  readonly hosts: Record<string, unknown>
  readonly is: Partial<Outcome>
}

/** Hosts with one link each. */
export const b: { readonly wg: object } = {
  wg: network('10.69.0.2/16', { public_key: key('B'), endpoint: 'b.example:51820' }),
}
export const c: { readonly wg: object } = { wg: network('10.69.0.3/16', { public_key: key('C') }) }
/** The link of host `a`. */
export const own: object = network('10.69.0.1/16')
export const ownWithEndpoint: object = network('10.69.0.1/16', { endpoint: '192.0.2.1:51820' })
