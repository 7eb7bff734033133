import type * as z from 'zod'
import type { Fault } from '../../../protocol/fault.ts'
import type { Cluster, HostReading } from '../../cluster/cluster.ts'
import { typeIn } from '../../cluster/references.ts'
import type { LocalContainer, LocalLink } from './firewall.ts'
import type { PortRange } from './flow-end.ts'

/** The context in which a host's objects are resolved, and their faults. */
export interface FirewallContext extends Pick<HostReading, 'section' | 'parse'> {
  readonly cluster: Cluster
  readonly host: string
  readonly containers: ReadonlyMap<string, LocalContainer>
  readonly links: readonly LocalLink[]
  readonly rescuePorts: readonly PortRange[]
  readonly refuse: (object: string, faults: readonly Fault[]) => void
}

/** Objects of one type, parsed; faulty ones are refused with all their faults. */
export function objectsOf<T>(
  context: FirewallContext,
  type: string,
  schema: z.ZodType<T>,
): readonly { readonly name: string; readonly path: string; readonly object: T }[] {
  const names = Object.keys(context.section).filter(
    (name) => typeIn(context.section, name) === type,
  )
  return names.sort().flatMap((name) => {
    const path = `hosts.${context.host}.${name}`
    const { value: object, faults } = context.parse(name, schema)
    if (object !== undefined) return [{ name, path, object }]
    context.refuse(name, faults)
    return []
  })
}

/** Reason why a rule cannot name this as a container, or undefined. `path` is the field's. */
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
  const owner = context.section[name]?.['network_of']
  if (typeof owner === 'string') {
    const message = `${name} shares the network of ${owner}: name that one`
    return { code: 'reference-type', message, path }
  }
  const hasAddress = context.cluster.places.containers.get(context.host)?.has(name) === true
  const message = hasAddress
    ? `${name} has no address that its container_network can give`
    : `${name} has no address of its own, so no rule can tell its packets`
  return { code: 'reference-type', message, path }
}
