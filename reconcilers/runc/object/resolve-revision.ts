import { hash } from 'node:crypto'
import { type Address, addressText } from '../../addresses.ts'
import type { ContainerPolicy } from '../../host-containers.ts'
import { parseReference } from '../../images/reference.ts'
import { capabilitiesOf } from '../bundle/hardening/capabilities.ts'
import type { ContainerObject } from './container-object.ts'

/** Fields that change how a container is treated, not its content. */
const policyFields: ReadonlySet<string> = new Set([
  ...['restart', 'health', 'stop_grace_seconds', 'labels'],
  ...['aliases', 'groups', 'extra_hosts', 'dns', 'after'],
])

/** Fields in which an empty list differs from no list. */
const meaningfulWhenEmpty: ReadonlySet<string> = new Set(['command', 'args'])

/**
 * Digest of everything that a container is made from. An image counts by its digest alone: another
 * tag or registry brings the same one. Fields without a value are left out, so a field of a later
 * version changes no revision unless it is set. `shared` is the address of the container whose
 * network it has.
 */
export function revisionOf(
  container: ContainerObject,
  secrets: ReadonlyMap<string, string>,
  shared?: Address,
  volumePaths: ReadonlyMap<string, string> = new Map(),
): string {
  const fields = Object.entries(container).filter(([name, value]) => {
    return !policyFields.has(name) && (!isEmpty(value) || meaningfulWhenEmpty.has(name))
  })
  const reference = parseReference(container.image)
  const made = {
    ...Object.fromEntries(fields),
    image: reference.ok ? reference.value.digest : container.image,
    address: container.address && addressText(container.address),
    address6: container.address6 && addressText(container.address6),
    capabilities: capabilitiesOf(container.capabilities),
    ...loosened(container),
    runtime_config: JSON.stringify(sorted(container.runtime_config)),
    sealed: Object.fromEntries(secrets),
    ...(shared === undefined ? {} : { shared: addressText(shared) }),
    ...(volumePaths.size === 0 ? {} : { volume_paths: Object.fromEntries(volumePaths) }),
  }
  const text = JSON.stringify(sorted(withoutFalse(made)))
  return hash('sha256', text)
}

/** Protections that an object takes away by a false, which else counts as no value. */
function loosened({ capabilities, no_new_privileges }: ContainerObject): object {
  return {
    ...(capabilities.ambient === false ? { ambient: 'never' } : {}),
    ...(no_new_privileges === false ? { no_new_privileges: 'off' } : {}),
  }
}

/** Id of the container of an object and a revision; `sha256:` before the digits is left out. */
export function containerId(object: string, revision: string): string {
  return `covey-${object}-${revision.replace(/^sha256:/, '').slice(0, 12)}`
}

/** The part of an object that may change without a new container: `policyFields`. */
export function policyOf(container: ContainerObject): ContainerPolicy {
  return {
    restart: container.restart,
    stopGraceMs: container.stop_grace_seconds * 1000,
    health: container.health ?? null,
    labels: container.labels,
    ...(container.dns === undefined ? {} : { dns: container.dns }),
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** A value with the members of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  const members = Object.entries(value).map(([name, inner]) => [name, sorted(inner)] as const)
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function withoutFalse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutFalse)
  if (!isRecord(value)) return value
  const members = Object.entries(value).filter(([, inner]) => inner !== false)
  return Object.fromEntries(members.map(([name, inner]) => [name, withoutFalse(inner)]))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
