import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import { type Cidr, networkOf, parseCidr } from '../addresses.ts'
import { type NetworkObject, networkSchema } from '../wireguard/spec.ts'
import { checkSchema, sectionOf } from './references.ts'

/** A `wireguard_network` of some host, as others see it. */
export interface HostNetwork {
  readonly host: string
  /** `hosts.<host>.<object>`. */
  readonly path: string
  /** Undefined where it is faulty. */
  readonly network: NetworkObject | undefined
  readonly faults: readonly Fault[]
  /** Ranges of containers that are reached through it. */
  readonly subnets: readonly Subnet[]
  readonly subnetFaults: readonly Fault[]
}

/** A range of containers on some host. */
export interface Subnet {
  readonly range: Cidr
  /** `hosts.<host>.<object>.subnet`. */
  readonly path: string
}

/** The networks of all hosts, by object name; each list is ordered by host name. */
export type NetworkIndex = ReadonlyMap<string, readonly HostNetwork[]>

const indexes = new WeakMap<Config['hosts'], NetworkIndex>()

/**
 * Reads the networks of all hosts. Remembered per config, as every host's section is judged by it.
 */
export function networkIndex(config: Pick<Config, 'hosts'>): NetworkIndex {
  const known = indexes.get(config.hosts)
  if (known !== undefined) return known
  const index = new Map<string, HostNetwork[]>()
  for (const host of Object.keys(config.hosts).sort()) {
    if (!isName(host)) continue
    for (const [object, network] of networksOf(config, host)) {
      const list = index.get(object)
      if (list === undefined) index.set(object, [network])
      else list.push(network)
    }
  }
  indexes.set(config.hosts, index)
  return index
}

const listings = new WeakMap<Config['hosts'], ReadonlySet<string>>()

/** Names of all listed hosts, remembered as the networks are. */
export function listedHosts(config: Pick<Config, 'hosts'>): ReadonlySet<string> {
  const before = listings.get(config.hosts)
  const listed = before ?? new Set(Object.keys(config.hosts))
  listings.set(config.hosts, listed)
  return listed
}

/** The network of one host by its object name. */
export function findNetwork(
  index: NetworkIndex,
  host: string,
  object: string,
): HostNetwork | undefined {
  const list = index.get(object) ?? []
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.host ?? '') < host) low = middle + 1
    else high = middle
  }
  return list[low]?.host === host ? list[low] : undefined
}

function networksOf(
  config: Pick<Config, 'hosts'>,
  host: string,
): readonly (readonly [string, HostNetwork])[] {
  const section = sectionOf(config, host) ?? {}
  const subnets = new Map<string, { subnets: Subnet[]; faults: Fault[] }>()
  for (const [name, object] of Object.entries(section)) {
    if (!isObject(object) || object['type'] !== 'container_network') continue
    const target = object['network']
    if (typeof target !== 'string') continue
    const entry = subnets.get(target) ?? { subnets: [], faults: [] }
    subnets.set(target, entry)
    const path = `hosts.${host}.${name}.subnet`
    const range = typeof object['subnet'] === 'string' ? parseCidr(object['subnet']) : undefined
    if (range === undefined || networkOf(range).bits !== range.bits) {
      entry.faults.push({
        code: 'field-invalid',
        message: 'must be a network, as 10.69.1.0/24',
        path,
      })
    } else entry.subnets.push({ range, path })
  }
  return Object.entries(section).flatMap(([name, object]) => {
    if (!isObject(object) || object['type'] !== 'wireguard_network' || !isName(name)) return []
    const path = `hosts.${host}.${name}`
    const { value: network, faults } = checkSchema(networkSchema, path, object)
    const found = subnets.get(name)
    const subnetFaults = found?.faults ?? []
    return [[name, { host, path, network, faults, subnets: found?.subnets ?? [], subnetFaults }]]
  })
}
