import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import { type NetworkObject, networkSchema } from '../wireguard/spec.ts'
import { checkSchema } from './parse.ts'
import type { HostRange, RangeIndex, Subnet } from './ranges.ts'
import { sectionOf } from './references.ts'

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

/** The networks of all hosts, by object name; each list is ordered by host name. */
export type NetworkIndex = ReadonlyMap<string, readonly HostNetwork[]>

/** Reads the networks of all hosts, with the ranges of containers that lie behind each. */
export function readNetworks(config: Pick<Config, 'hosts'>, ranges: RangeIndex): NetworkIndex {
  const index = new Map<string, HostNetwork[]>()
  for (const host of Object.keys(config.hosts).sort()) {
    if (!isName(host)) continue
    for (const [object, network] of networksOf(config, host, ranges.get(host))) {
      const list = index.get(object)
      if (list === undefined) index.set(object, [network])
      else list.push(network)
    }
  }
  return index
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
  ranges: ReadonlyMap<string, HostRange> | undefined,
): readonly (readonly [string, HostNetwork])[] {
  const section = sectionOf(config, host) ?? {}
  const all = [...(ranges?.values() ?? [])]
  return Object.entries(section).flatMap(([name, object]) => {
    if (!isObject(object) || object['type'] !== 'wireguard_network' || !isName(name)) return []
    const path = `hosts.${host}.${name}`
    const { value: network, faults } = checkSchema(networkSchema, path, object)
    const behind = all.filter(({ through }) => through === name).map(({ subnet }) => subnet)
    const subnets = behind.filter((each) => 'range' in each)
    const subnetFaults = behind.filter((each) => 'code' in each)
    return [[name, { host, path, network, faults, subnets, subnetFaults }]]
  })
}
