import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { type Address, addressText, parseEndpoint } from '../../addresses.ts'
import { sectionOf } from '../../cluster/references.ts'

/** An address outside the mesh at which tunnels find a host. */
export interface HostEndpoint {
  readonly host: string
  readonly address: Address
}

/**
 * Where tunnels find each host, as its own network says and as peers of others name it, ordered by
 * host. Names are left out: what they come to is not known before somebody asks for them.
 */
export function endpointsOf(config: Pick<Config, 'hosts'>): readonly HostEndpoint[] {
  const found = new Map<string, HostEndpoint>()
  for (const host of Object.keys(config.hosts)) {
    for (const object of Object.values(sectionOf(config, host) ?? {})) {
      if (!isObject(object)) continue
      const { type, endpoint, host: named } = object
      const address = typeof endpoint === 'string' ? parseEndpoint(endpoint)?.address : undefined
      if (address === undefined || address === null) continue
      const owner = type === 'wireguard_network' ? host : type === 'wireguard_peer' ? named : null
      if (typeof owner !== 'string' || !Object.hasOwn(config.hosts, owner)) continue
      found.set(`${owner} ${addressText(address)}`, { host: owner, address })
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint)
}
