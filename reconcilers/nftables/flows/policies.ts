import type { Fault } from '../../../protocol/fault.ts'
import { type Address, type Cidr, cidrText, hostNetwork } from '../../addresses.ts'
import { typeIn } from '../../cluster/references.ts'
import { type PolicyObject, policySchema } from '../spec.ts'
import { containerFault, type FirewallContext, objectsOf } from './context.ts'
import type { PolicyRule } from './firewall.ts'
import type { FlowEnd, PortRange } from './flow-end.ts'

/** The result of a host's policies. */
export interface Policies {
  readonly ingress: readonly PolicyRule[]
  readonly egress: readonly PolicyRule[]
  readonly restricted: ReadonlySet<string>
}

/** Resolves `nftables_policy`. Several for one container add up. */
export function resolvePolicies(context: FirewallContext): Policies {
  const ingress: PolicyRule[] = []
  const egress: PolicyRule[] = []
  const restricted = new Set(faultyRestrictions(context))
  for (const { name, path, object } of objectsOf<PolicyObject>(
    context,
    'nftables_policy',
    policySchema,
  )) {
    const { container } = object
    const fault = containerFault(context, container, `${path}.container`)
    const faults: Fault[] = fault === undefined ? [] : [fault]
    const about = { policy: name, container }
    const admit = (end: FlowEnd, ports: readonly PortRange[] | undefined, at: string) => {
      const found = networksOf(context, end, at)
      if (!Array.isArray(found)) faults.push(found as Fault)
      else return found.map((network) => ({ ...about, network, ports, words: wordsOf(end) }))
      return []
    }
    const inward = (object.ingress ?? []).flatMap(({ from, ports }, index) =>
      admit(from, ports, `${path}.ingress.${index}.from`),
    )
    const outward = (object.egress ?? []).flatMap(({ to, ports }, index) =>
      admit(to, ports, `${path}.egress.${index}.to`),
    )
    context.refuse(name, faults)
    if (object.egress !== undefined) restricted.add(container)
    if (faults.length > 0) continue
    ingress.push(...inward)
    egress.push(...outward)
  }
  return { ingress, egress, restricted }
}

/** A policy that cannot be read and says something of egress leaves its container nothing. */
function faultyRestrictions(context: FirewallContext): readonly string[] {
  return Object.keys(context.section).flatMap((name) => {
    const object = context.section[name]
    if (typeIn(context.section, name) !== 'nftables_policy' || object === undefined) return []
    const container = object['container']
    return typeof container === 'string' && object['egress'] !== undefined ? [container] : []
  })
}

/** The networks that an end stands for, or why it stands for none. */
function networksOf(context: FirewallContext, end: FlowEnd, path: string): readonly Cidr[] | Fault {
  if (end.kind === 'network') return [end.network]
  const { cluster, host: self } = context
  const { places } = cluster
  const host = end.host ?? self
  const isListed = cluster.listed.has(host)
  if (!isListed) return { code: 'reference-missing', message: `no host ${host}`, path }
  if (end.kind === 'host') {
    const addresses = [...(places.links.get(host)?.values() ?? [])]
    if (addresses.length > 0) return addresses.map((address: Address) => hostNetwork(address))
    const message = `${host} has no wireguard_network, and so no address in the mesh`
    return { code: 'reference-type', message, path }
  }
  const address = places.containers.get(host)?.get(end.container)
  const address6 = places.containers6.get(host)?.get(end.container)
  if (address !== undefined) {
    return [address, ...(address6 === undefined ? [] : [address6])].map(hostNetwork)
  }
  const section = cluster.config.hosts[host]
  const type = section === undefined ? undefined : typeIn(section, end.container)
  if (type === undefined) {
    return { code: 'reference-missing', message: `no object ${end.container} on ${host}`, path }
  }
  const message = `must name a runc_container with an address, and ${end.container} is none`
  return { code: 'reference-type', message, path }
}

/** An end as a config writes it. */
function wordsOf(end: FlowEnd): string {
  if (end.kind === 'network') return cidrText(end.network)
  if (end.kind === 'host') return `host:${end.host}`
  return end.host === null ? `container:${end.container}` : `container:${end.host}/${end.container}`
}
