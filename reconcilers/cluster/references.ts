import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config, HostSection } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'

/** The section of a host, or undefined where it is not listed or is no section at all. */
export function sectionOf(config: Pick<Config, 'hosts'>, host: string): HostSection | undefined {
  const section = Object.hasOwn(config.hosts, host) ? config.hosts[host] : undefined
  return isObject(section) ? (section as HostSection) : undefined
}

/** An object of a section by its name, whatever its shape. */
export function objectIn(section: HostSection, name: string): unknown {
  return Object.hasOwn(section, name) ? section[name] : undefined
}

/** The `type` of an object by its name, or undefined. */
export function typeIn(section: HostSection, name: string): string | undefined {
  const object = objectIn(section, name)
  const type = isObject(object) ? object['type'] : undefined
  return typeof type === 'string' ? type : undefined
}

/** A field that names another object of the same host, and the type that it must have. */
export interface ReferenceField {
  readonly field: string
  readonly type: string
}

/**
 * Judges a reference. `path` is the object's, as `hosts.cloud01.peer`.
 * Faults: `reference-missing`, `reference-type`, both at the field.
 */
export function checkReference(
  section: HostSection,
  path: string,
  reference: ReferenceField,
  target: string,
): Fault | undefined {
  const at = `${path}.${reference.field}`
  const type = typeIn(section, target)
  if (type === reference.type) return undefined
  if (!Object.hasOwn(section, target)) {
    return { code: 'reference-missing', message: `no object ${target} on this host`, path: at }
  }
  const found = type ?? 'an object without a type'
  const message = `must name a ${reference.type}, but ${target} is ${found}`
  return { code: 'reference-type', message, path: at }
}

/**
 * Judges the field `network` of an object on a WireGuard link, which is a reference even where
 * other fields are faulty; a sound one is noted in `references`, by the object's name.
 */
export function checkLink(
  section: HostSection,
  path: string,
  name: string,
  references: Record<string, readonly string[]>,
): Fault | undefined {
  const target = section[name]?.['network']
  if (typeof target !== 'string') return undefined
  const reference = { field: 'network', type: 'wireguard_network' }
  const fault = checkReference(section, path, reference, target)
  if (fault === undefined) references[name] = [target]
  return fault
}
