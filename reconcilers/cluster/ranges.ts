import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config, HostSection } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { type Cidr, networkOf, parseCidr } from '../addresses.ts'
import { type ContainerNetworkObject, containerNetworkSchema } from '../container-network/spec.ts'
import { checkSchema, type SchemaResult } from './parse.ts'
import { sectionOf, typeIn } from './references.ts'

/** A `container_network` of some host. */
export interface HostRange {
  readonly result: SchemaResult<ContainerNetworkObject>
  /** Name in its field `network`, also where other fields are faulty; null where there is none. */
  readonly through: string | null
  /** Its range of the cluster's addresses, even if other fields are faulty. */
  readonly subnet: Subnet | Fault
}

/** A range of containers on some host. */
export interface Subnet {
  readonly range: Cidr
  /** `hosts.<host>.<object>.subnet`. */
  readonly path: string
}

/** The container networks of each host that has any, by host and object name. */
export type RangeIndex = ReadonlyMap<string, ReadonlyMap<string, HostRange>>

/** Reads the `container_network` objects of all hosts, each list in the order of its section. */
export function readRanges(config: Pick<Config, 'hosts'>): RangeIndex {
  const index = new Map<string, ReadonlyMap<string, HostRange>>()
  for (const host of Object.keys(config.hosts)) {
    const section = sectionOf(config, host) ?? {}
    const names = Object.keys(section).filter((each) => typeIn(section, each) === typeName)
    if (names.length === 0) continue
    index.set(host, new Map(names.map((name) => [name, rangeOf(host, name, section)])))
  }
  return index
}

const typeName = 'container_network'

function rangeOf(host: string, name: string, section: HostSection): HostRange {
  const path = `hosts.${host}.${name}`
  const object: unknown = section[name]
  const { network, subnet }: Record<string, unknown> = isObject(object) ? object : {}
  return {
    result: checkSchema(containerNetworkSchema, path, object),
    through: typeof network === 'string' ? network : null,
    subnet: subnetOf(subnet, `${path}.subnet`),
  }
}

function subnetOf(text: unknown, path: string): Subnet | Fault {
  const range = typeof text === 'string' ? parseCidr(text) : undefined
  if (range !== undefined && networkOf(range).bits === range.bits) return { range, path }
  return { code: 'field-invalid', message: 'must be a network such as 10.69.1.0/24', path }
}
