import type { Config, HostSection } from '../../../protocol/documents/config.ts'
import type { Fault } from '../../../protocol/fault.ts'
import type { Places } from '../../cluster/places.ts'
import { checkSchema, typeIn } from '../../cluster/references.ts'
import type { LocalContainer, LocalLink } from './firewall.ts'
import type { PortRange } from './flow-end.ts'

/** What is known of a host while its objects are resolved, and what was found wrong with them. */
export interface FirewallContext {
  readonly config: Config
  readonly host: string
  readonly section: HostSection
  readonly places: Places
  readonly containers: ReadonlyMap<string, LocalContainer>
  readonly links: readonly LocalLink[]
  readonly rescuePorts: readonly PortRange[]
  readonly refuse: (object: string, faults: readonly Fault[]) => void
}

/** Objects of one type, parsed; faulty ones are refused with all their faults. */
export function objectsOf<T>(
  context: FirewallContext,
  type: string,
  schema: Parameters<typeof checkSchema<T>>[0],
): readonly { readonly name: string; readonly path: string; readonly object: T }[] {
  const names = Object.keys(context.section).filter(
    (name) => typeIn(context.section, name) === type,
  )
  return names.sort().flatMap((name) => {
    const path = `hosts.${context.host}.${name}`
    const { value: object, faults } = checkSchema(schema, path, context.section[name])
    if (object !== undefined) return [{ name, path, object }]
    context.refuse(name, faults)
    return []
  })
}

/** Why a name is no container that a rule can be about, or undefined. `path` is the field's. */
export function containerFault(
  context: FirewallContext,
  name: string,
  path: string,
): Fault | undefined {
  if (context.containers.has(name)) return undefined
  const type = typeIn(context.section, name)
  if (type === undefined) {
    return { code: 'reference-missing', message: `no object ${name} on this host`, path }
  }
  if (type !== 'runc_container') {
    const message = `must name a runc_container, and ${name} is ${type}`
    return { code: 'reference-type', message, path }
  }
  const hasAddress = context.places.containers.get(context.host)?.has(name) === true
  const message = hasAddress
    ? `${name} has no address that its container_network can give`
    : `${name} has no address of its own, so no rule can tell its packets`
  return { code: 'reference-type', message, path }
}
