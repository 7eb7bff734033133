import { type PeerPlace, peerPlaces } from '../../protocol/documents/agent-object.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { isName } from '../../protocol/names.ts'
import { type Address, addressText, type Cidr, parseAddress } from '../addresses.ts'
import { endpointsOf, type HostEndpoint } from '../nftables/flows/endpoints.ts'
import type { NetworkIndex } from './networks.ts'
import type { HostRange, RangeIndex } from './ranges.ts'
import { sectionOf } from './references.ts'

/** The addresses of containers, their ranges and hosts in the cluster. */
export interface Places {
  /** Address of each container that has one, by host and name. */
  readonly containers: ReadonlyMap<string, ReadonlyMap<string, Address>>
  /** Their IPv6 addresses beside those. */
  readonly containers6: ReadonlyMap<string, ReadonlyMap<string, Address>>
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

/** A sound `container_network` of some host. */
interface ContainerRange {
  readonly subnet: Cidr
  /** IPv6 beside it. */
  readonly subnet6: Cidr | null
  /** Object of the `wireguard_network` through which others reach it, or null. */
  readonly network: string | null
}

/** Reads where everything is; the networks and ranges of the same config were read before. */
export function readPlaces(
  config: Pick<Config, 'hosts'>,
  networks: NetworkIndex,
  ranges: RangeIndex,
): Places {
  const containers = new Map<string, ReadonlyMap<string, Address>>()
  const containers6 = new Map<string, ReadonlyMap<string, Address>>()
  const subnets = new Map<string, ReadonlyMap<string, ContainerRange>>()
  for (const host of Object.keys(config.hosts).sort()) {
    containers.set(host, containerAddresses(config, host, 'address'))
    containers6.set(host, containerAddresses(config, host, 'address6'))
    subnets.set(host, soundRanges(ranges.get(host)))
  }
  const links = linksOf(networks)
  const linkAddresses = new Set(
    [...links.values()].flatMap((own) => [...own.values()].map(addressText)),
  )
  const [agents, endpoints] = [peerPlaces(config), endpointsOf(config)]
  return { containers, containers6, links, linkAddresses, subnets, agents, endpoints }
}

/** Read field by field: where a packet comes from does not rest on what else a container says. */
function containerAddresses(
  config: Pick<Config, 'hosts'>,
  host: string,
  field: 'address' | 'address6',
): ReadonlyMap<string, Address> {
  const addresses = new Map<string, Address>()
  for (const [name, object] of Object.entries(sectionOf(config, host) ?? {})) {
    if (!isObject(object) || !isName(name) || object['type'] !== 'runc_container') continue
    const text = object[field]
    const address = typeof text === 'string' ? parseAddress(text) : undefined
    if (address !== undefined && object['host_network'] !== true) addresses.set(name, address)
  }
  return addresses
}

function soundRanges(
  ranges: ReadonlyMap<string, HostRange> = new Map(),
): ReadonlyMap<string, ContainerRange> {
  const sound = new Map<string, ContainerRange>()
  for (const [name, { result }] of ranges) {
    if (!isName(name) || result.value === undefined) continue
    const { subnet, subnet6 = null, network = null } = result.value
    sound.set(name, { subnet, subnet6, network })
  }
  return sound
}

function linksOf(index: NetworkIndex): ReadonlyMap<string, ReadonlyMap<string, Address>> {
  const links = new Map<string, Map<string, Address>>()
  for (const [object, networks] of index) {
    for (const { host, network } of networks) {
      if (network === undefined) continue
      const own = links.get(host) ?? new Map<string, Address>()
      const { family, bits } = network.address
      links.set(host, own.set(object, { family, bits }))
    }
  }
  return links
}
