import { type PeerPlace, peerPlaces } from '../../protocol/documents/agent-object.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { isName } from '../../protocol/names.ts'
import { type Address, addressText, type Cidr, parseAddress } from '../addresses.ts'
import { containerNetworkSchema } from '../container-network/spec.ts'
import { endpointsOf, type HostEndpoint } from '../nftables/flows/endpoints.ts'
import { networkIndex } from './networks.ts'
import { sectionOf } from './references.ts'

/** Where containers, their ranges and hosts are in the cluster. */
export interface Places {
  /** Address of each container that has one, by host and name. */
  readonly containers: ReadonlyMap<string, ReadonlyMap<string, Address>>
  /** Addresses of each host's WireGuard links, by host and object name. */
  readonly links: ReadonlyMap<string, ReadonlyMap<string, Address>>
  /** Addresses by which tunnels find hosts outside the mesh; those that are numbers. */
  readonly endpoints: readonly HostEndpoint[]
  /** Texts of all addresses in `links`. */
  readonly linkAddresses: ReadonlySet<string>
  /** Ranges for containers, by host and object name, with the link that leads to them. */
  readonly subnets: ReadonlyMap<string, ReadonlyMap<string, ContainerRange>>
  /** Places of the agents in the overlay, by host name. */
  readonly agents: readonly PeerPlace[]
}

/** A `container_network` of some host. */
interface ContainerRange {
  readonly subnet: Cidr
  /** Object of the `wireguard_network` through which others reach it, or null. */
  readonly network: string | null
}

const known = new WeakMap<Config['hosts'], Places>()

/** Reads where everything is; remembered per config, as every host's section is judged by it. */
export function placesOf(config: Pick<Config, 'hosts'>): Places {
  const before = known.get(config.hosts)
  if (before !== undefined) return before
  const containers = new Map<string, Map<string, Address>>()
  const subnets = new Map<string, Map<string, ContainerRange>>()
  const links = new Map<string, Map<string, Address>>()
  for (const host of Object.keys(config.hosts).sort()) {
    const addresses = new Map<string, Address>()
    const ranges = new Map<string, ContainerRange>()
    for (const [name, object] of Object.entries(sectionOf(config, host) ?? {})) {
      if (!isObject(object) || !isName(name)) continue
      if (object['type'] === 'runc_container') {
        const text = object['address']
        const address = typeof text === 'string' ? parseAddress(text) : undefined
        if (address !== undefined && object['host_network'] !== true) addresses.set(name, address)
      }
      if (object['type'] === 'container_network') {
        const { data } = containerNetworkSchema.safeParse(object)
        if (data) ranges.set(name, { subnet: data.subnet, network: data.network ?? null })
      }
    }
    containers.set(host, addresses)
    subnets.set(host, ranges)
  }
  for (const [object, networks] of networkIndex(config)) {
    for (const { host, network } of networks) {
      if (network === undefined) continue
      const own = links.get(host) ?? new Map<string, Address>()
      const { family, bits } = network.address
      links.set(host, own.set(object, { family, bits }))
    }
  }
  const linkAddresses = new Set(
    [...links.values()].flatMap((own) => [...own.values()].map(addressText)),
  )
  const [agents, endpoints] = [peerPlaces(config), endpointsOf(config)]
  const places = { containers, links, linkAddresses, subnets, agents, endpoints }
  known.set(config.hosts, places)
  return places
}
