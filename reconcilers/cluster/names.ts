import type * as z from 'zod'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config, HostSection } from '../../protocol/documents/config.ts'
import { isName } from '../../protocol/names.ts'
import { addressText, parseAddress } from '../addresses.ts'
import { hostname } from '../runc/object/spec-fields.ts'
import {
  aliases,
  type ExtraHosts,
  extraHosts,
  type Groups,
  groups,
} from '../runc/relations/name-fields.ts'
import { findNetwork, type NetworkIndex } from './networks.ts'
import { objectIn, sectionOf, typeIn } from './references.ts'

/** A container as others may call it. */
export interface NamedContainer {
  readonly host: string
  readonly object: string
  readonly address: string
  /** True if other hosts reach it. */
  readonly isShared: boolean
  /** A host name of its own, or null. */
  readonly hostname: string | null
  /** Names of it for everybody. */
  readonly aliases: readonly string[]
  /** Its names for the members of each group that it is in; null where it has no groups. */
  readonly groups: Groups | null
  /** Names that only itself knows, with their addresses; null where it has none. */
  readonly extraHosts: ExtraHosts | null
}

/** Everything in a cluster that has a name and an address. */
export interface NameIndex {
  /** Addresses of hosts, ordered by name. */
  readonly hosts: ReadonlyMap<string, string>
  /** Ordered by host, then object. */
  readonly containers: readonly NamedContainer[]
  /** For each object name, the hosts with a container of that name that others reach. */
  readonly owners: ReadonlyMap<string, readonly string[]>
}

/** Reads the names of all hosts and containers. */
export function readNames(config: Pick<Config, 'hosts'>, networks: NetworkIndex): NameIndex {
  const hosts = new Map<string, string>()
  const containers: NamedContainer[] = []
  const owners = new Map<string, string[]>()
  for (const host of Object.keys(config.hosts).sort()) {
    const section = sectionOf(config, host)
    if (section === undefined || !isName(host)) continue
    const address = hostAddress(networks, host, section)
    if (address !== null) hosts.set(host, address)
    for (const container of containersOf(host, section, address)) {
      containers.push(container)
      if (!container.isShared) continue
      const list = owners.get(container.object)
      if (list === undefined) owners.set(container.object, [host])
      else list.push(host)
    }
  }
  return { hosts, containers, owners }
}

/** Address of a host in the network of its agent, or in its first one where it has no agent. */
function hostAddress(index: NetworkIndex, host: string, section: HostSection): string | null {
  const names = Object.keys(section).sort()
  const ofAgent = names.flatMap((name) => {
    const target = typeIn(section, name) === 'agent' ? section[name]?.['network'] : undefined
    return typeof target === 'string' ? [target] : []
  })
  for (const object of [...ofAgent, ...names]) {
    const network = findNetwork(index, host, object)?.network
    if (network !== undefined) return addressText(network.address)
  }
  return null
}

function containersOf(
  host: string,
  section: HostSection,
  hostAddress: string | null,
): readonly NamedContainer[] {
  return Object.keys(section)
    .sort()
    .flatMap((object) => {
      const container: unknown = section[object]
      if (!isName(object) || !isObject(container) || container['type'] !== 'runc_container') {
        return []
      }
      const named = {
        ...{ host, object },
        hostname: readAs(hostname, container['hostname']),
        aliases: readAs(aliases, container['aliases']) ?? [],
        groups: readAs(groups, container['groups']),
        extraHosts: readAs(extraHosts, container['extra_hosts']),
      }
      if (container['host_network'] === true) {
        return hostAddress === null ? [] : [{ ...named, address: hostAddress, isShared: true }]
      }
      // What shares the network of another one is found where that is.
      const owner = container['network_of']
      const at: unknown = typeof owner === 'string' ? objectIn(section, owner) : container
      const { address: text, network } = isObject(at) ? at : {}
      const address = typeof text === 'string' ? parseAddress(text) : undefined
      if (address === undefined || typeof network !== 'string') return []
      const range: unknown = Object.hasOwn(section, network) ? section[network] : undefined
      const isShared = isObject(range) && typeof range['network'] === 'string'
      return [{ ...named, address: addressText(address), isShared }]
    })
}

/** A field by itself: who is called what does not rest on what else a container says. */
function readAs<T>(schema: z.ZodType<T>, value: unknown): T | null {
  return value === undefined ? null : (schema.safeParse(value).data ?? null)
}
