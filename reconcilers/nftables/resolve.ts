import type { Config, HostSection } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { type Address, addressText, contains, hostNetwork, parseAddress } from '../addresses.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Places } from '../cluster/places.ts'
import { sectionOf, typeIn } from '../cluster/references.ts'
import { vethName } from '../container-network/names.ts'
import type { Resolved } from '../reconciler.ts'
import type { WireguardJudgement } from '../wireguard/spec.ts'
import { containerFault, type FirewallContext, objectsOf } from './flows/context.ts'
import type { FirewallSpec, LocalContainer, OverlaySpec } from './flows/firewall.ts'
import type { PortRange } from './flows/flow-end.ts'
import { areLinksKnown, meshOf, strangersOf } from './flows/mesh.ts'
import { resolvePolicies } from './flows/policies.ts'
import { resolvePublishes } from './flows/publishes.ts'
import {
  type ForwardObject,
  forwardSchema,
  type MasqueradeObject,
  masqueradeSchema,
  nftablesTypes,
} from './spec.ts'

/** The way in that most people have: ssh. */
export const rescuePortsDefault: readonly PortRange[] = [{ protocol: 'tcp', first: 22, last: 22 }]

/**
 * Resolves the firewall of one host (docs/OBJECTS.md, firewall). A faulty policy admits nothing:
 * what is closed by mistake is noticed, what is open by mistake is not.
 */
export function resolveNftables(
  cluster: Cluster,
  host: string,
  rescuePorts: readonly PortRange[] = rescuePortsDefault,
): Resolved<FirewallSpec> {
  const { places } = cluster
  const faulty: Finding[] = []
  const wireguard = cluster.host(host).links.spec
  const context = contextOf({ cluster, host, wireguard, rescuePorts, faulty })
  const { section, containers, links } = context
  const objects = Object.keys(section)
    .filter((name) => Object.hasOwn(nftablesTypes, typeIn(section, name) ?? ''))
    .sort()
  const isKnown = areLinksKnown(section, wireguard)
  const agents = Object.keys(section).filter((name) => typeIn(section, name) === 'agent')
  const spec: FirewallSpec = {
    host,
    isNeeded: needsFirewall(cluster.config, host),
    isJudging: objects.length > 0,
    containers: [...containers.values()].flatMap(byAddress),
    own: isKnown ? ownOf(context) : [],
    links,
    reach: wireguard.links.map(({ link, peers }) => ({
      link,
      networks: peers.flatMap(({ allowedIps }) => allowedIps),
    })),
    mesh: isKnown ? meshOf(host, places, wireguard) : [],
    strangers: strangersOf(host, places),
    invitations: cluster.invitations.get(host) ?? [],
    ...resolveObjects(context),
    hosts: [...places.links].flatMap(([name, own]) =>
      [...own.values()].map((address) => ({ host: name, address })),
    ),
    endpoints: places.endpoints,
    remotePublishes: cluster.publishes.filter(
      // At its endpoint a host behind a NAT is asked by its own containers as by any others.
      (each) => each.host !== host || !places.linkAddresses.has(addressText(each.address)),
    ),
    overlay: overlayOf(host, places),
    rescuePorts,
    agents,
    objects,
  }
  // Rules are there before what they are about, so no reference holds them back.
  return { spec, pending: [], faulty, references: {} }
}

/** The faults alone, in the same order: without what other hosts come to, which is much. */
export function judgeNftables(cluster: Cluster, host: string): Pick<Resolved<unknown>, 'faulty'> {
  const faulty: Finding[] = []
  const wireguard = cluster.host(host).judgedLinks
  const rescuePorts = rescuePortsDefault
  resolveObjects(contextOf({ cluster, host, wireguard, rescuePorts, faulty }))
  return { faulty }
}

interface Finding {
  readonly object: string
  readonly fault: Fault
}

interface ContextParts extends Pick<FirewallContext, 'cluster' | 'host' | 'rescuePorts'> {
  readonly wireguard: Pick<WireguardJudgement, 'links'>
  /** Collects faults. */
  readonly faulty: Finding[]
}

function contextOf(parts: ContextParts): FirewallContext {
  const { cluster, host, wireguard, rescuePorts, faulty } = parts
  const { section, parse } = cluster.host(host)
  const links = wireguard.links.map(({ object, link, address, listenPort }) => {
    const own = { family: address.family, bits: address.bits }
    return { object, link, address: own, listenPort }
  })
  return {
    cluster,
    host,
    section,
    parse,
    containers: localContainers(host, section, cluster.places),
    links,
    rescuePorts,
    refuse: (object, faults) => {
      for (const fault of faults) faulty.push({ object, fault })
    },
  }
}

/** Resolves the host's own objects. The order is that of their faults. */
function resolveObjects(
  context: FirewallContext,
): Pick<
  FirewallSpec,
  'forwards' | 'ingress' | 'egress' | 'restricted' | 'publishes' | 'masquerades'
> {
  return {
    forwards: resolveForwards(context),
    ...resolvePolicies(context),
    publishes: resolvePublishes(context),
    masquerades: resolveMasquerades(context),
  }
}

/** Types of objects that the table protects, beside those of this room. */
const protectedTypes = new Set(['agent', 'runc_container', 'container_network'])

/**
 * True if a host of this config has a table: its section has an object of this room, an agent or a
 * container. Also a faulty one counts, as it may run in its last form.
 */
export function needsFirewall(config: Pick<Config, 'hosts'>, host: string): boolean {
  const section = sectionOf(config, host) ?? {}
  return Object.keys(section).some((name) => {
    const type = typeIn(section, name) ?? ''
    return Object.hasOwn(nftablesTypes, type) || protectedTypes.has(type)
  })
}

/** Containers whose address is one that this host may give; with any other the mesh could break. */
function localContainers(
  host: string,
  section: HostSection,
  places: Places,
): ReadonlyMap<string, LocalContainer> {
  const taken = new Set<string>()
  const found = new Map<string, LocalContainer>()
  const own = [...(places.containers.get(host) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [object, address] of own) {
    const network: unknown = section[object]?.['network']
    if (typeof network !== 'string') continue
    const { subnet: range, subnet6 = null } = places.subnets.get(host)?.get(network) ?? {}
    const text = addressText(address)
    if (range === undefined || !contains(range, hostNetwork(address))) continue
    if (places.linkAddresses.has(text) || taken.has(text)) continue
    taken.add(text)
    const six = places.containers6.get(host)?.get(object)
    const isSixSound =
      six !== undefined &&
      subnet6 !== null &&
      contains(subnet6, hostNetwork(six)) &&
      !taken.has(addressText(six))
    if (isSixSound) taken.add(addressText(six))
    const address6 = isSixSound ? six : null
    found.set(object, { object, address, address6, veth: vethName(object), network })
  }
  return found
}

/** A container once for each of its addresses. */
function byAddress(container: LocalContainer): readonly LocalContainer[] {
  const { address6 } = container
  if (address6 === null) return [container]
  return [container, { ...container, address: address6, address6: null }]
}

/** A container on a range that no link leads to is reached by whatever way leads there. */
function ownOf({ cluster, host, containers, links }: FirewallContext): readonly Address[] {
  const ranges = cluster.places.subnets.get(host)
  const reached = [...containers.values()].filter(
    ({ network }) => (ranges?.get(network)?.network ?? null) !== null,
  )
  return [...links, ...reached].map(({ address }) => address)
}

function resolveForwards(context: FirewallContext): FirewallSpec['forwards'] {
  return objectsOf<ForwardObject>(context, 'nftables_forward', forwardSchema).flatMap(
    ({ name, path, object: { from, to } }) => {
      const link = context.links.find((each) => each.object === to)
      const faults: Fault[] = []
      if (link === undefined) faults.push(linkFault(context, to, `${path}.to`))
      const isRange = typeIn(context.section, from) === 'container_network'
      const fault = isRange ? undefined : containerFault(context, from, `${path}.from`)
      if (fault !== undefined) faults.push(fault)
      context.refuse(name, faults)
      if (faults.length > 0 || link === undefined) return []
      return [...context.containers.values()]
        .filter((each) => (isRange ? each.network === from : each.object === from))
        .map(({ object }) => ({ object: name, container: object, link: link.link }))
    },
  )
}

function linkFault(context: FirewallContext, name: string, path: string): Fault {
  const type = typeIn(context.section, name)
  if (type === undefined) {
    return { code: 'reference-missing', message: `no object ${name} on this host`, path }
  }
  const why = type === 'wireguard_network' ? `${name} is faulty itself` : `${name} is ${type}`
  return { code: 'reference-type', message: `must name a wireguard_network, but ${why}`, path }
}

function resolveMasquerades(context: FirewallContext): FirewallSpec['masquerades'] {
  const own = context.cluster.places.subnets.get(context.host)
  return objectsOf<MasqueradeObject>(context, 'nftables_masquerade', masqueradeSchema).flatMap(
    ({ name, path, object: { network } }) => {
      const range = own?.get(network)
      if (range !== undefined) return [{ object: name, network, subnet: range.subnet }]
      const type = typeIn(context.section, network)
      const found = type === 'container_network' ? 'faulty itself' : type
      const message =
        type === undefined
          ? `no object ${network} on this host`
          : `must name a container_network, but ${network} is ${found}`
      const code = type === undefined ? 'reference-missing' : 'reference-type'
      context.refuse(name, [{ code, message, path: `${path}.network` }])
      return []
    },
  )
}

function overlayOf(host: string, { agents }: Places): OverlaySpec | null {
  const own = agents.find((agent) => agent.host === host)
  const address = own === undefined ? undefined : parseAddress(own.address)
  if (own === undefined || address === undefined) return null
  const peers = agents
    .filter((agent) => agent.host !== host)
    .flatMap((agent) => parseAddress(agent.address) ?? [])
  return { address, port: own.port, peers }
}
