import {
  type Address,
  addressText,
  type Cidr,
  contains,
  hostNetwork,
  parseCidr,
} from '../addresses.ts'
import { gatewayOf } from '../container-network/names.ts'
import { type Admission, disjointBoxes, spanOf, union } from './boxes.ts'
import {
  addressPart,
  type Element,
  type Elements,
  elementText,
  flowElement,
  type Part,
} from './elements.ts'
import type { FirewallSpec, LocalContainer, PolicyRule } from './firewall.ts'
import { setShapes } from './sets.ts'

const protocolNumbers = { tcp: 6, udp: 17, icmp: 1 }

const networks = (...texts: readonly string[]): readonly Cidr[] =>
  texts.flatMap((text) => parseCidr(text) ?? [])

/**
 * What no container reaches unless it is opened by name: link-local addresses, where clouds keep
 * their metadata, and the metadata addresses that are elsewhere. RFC 3927, RFC 4291.
 */
export const guardedAlways: readonly Cidr[] = networks(
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fe80::/10',
  'fd00:ec2::254/128',
)
/** What counts as near: RFC 1918, RFC 4193, RFC 6598 and link-local addresses. */
export const near: readonly Cidr[] = networks(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
)

/** Collects elements by set. */
interface Collector {
  readonly sets: ReadonlyMap<string, Map<string, Element>>
  add(set: string, key: readonly Part[], value?: readonly Part[]): void
}

function createCollector(): Collector {
  const sets = new Map(setShapes.map(({ name }) => [name, new Map<string, Element>()]))
  return {
    sets,
    add(set, key, value) {
      const element = value === undefined ? { key } : { key, value }
      sets.get(set)?.set(elementText(element), element)
    },
  }
}

const known = new WeakMap<FirewallSpec, Elements>()

/**
 * The elements of every set for one host: all that differs between configs. Linear in the flows
 * that are admitted. Remembered for a spec, as every round asks for it.
 */
export function compileFirewall(spec: FirewallSpec): Elements {
  const before = known.get(spec)
  if (before !== undefined) return before
  const elements = compile(spec)
  known.set(spec, elements)
  return elements
}

function compile(spec: FirewallSpec): Elements {
  const collector = createCollector()
  if (!spec.isNeeded) return collector.sets
  addHost(spec, collector)
  addContainers(spec, collector)
  addFlows(spec, collector)
  addPublishes(spec, collector)
  return collector.sets
}

function addHost(spec: FirewallSpec, { add }: Collector): void {
  for (const { link, listenPort } of spec.links) {
    add('links', [link])
    add('tunnel_ports', [listenPort])
  }
  for (const { protocol, first, last } of spec.rescuePorts) {
    for (let port = first; port <= last; port++)
      add('rescue_ports', [protocolNumbers[protocol], port])
  }
  addSpans(
    'guarded',
    [...guardedAlways, ...spec.hosts.map(({ address }) => hostNetwork(address))],
    add,
  )
  addSpans('private', near, add)
  addSpans(
    'masqueraded',
    spec.masquerades.map(({ subnet }) => subnet),
    add,
  )
  if (spec.overlay === null) return
  const { address, port, peers } = spec.overlay
  add(`overlay_ports${address.family}`, [addressText(address), port])
  for (const peer of peers) {
    if (peer.family !== address.family) continue
    add(`overlay${address.family}`, [addressText(peer), addressText(address), port])
  }
}

/** Networks of both families as ranges that neither overlap nor touch. */
function addSpans(set: string, ranges: readonly Cidr[], add: Collector['add']): void {
  for (const family of [4, 6] as const) {
    const spans = ranges.filter((each) => each.family === family).map(spanOf)
    for (const span of union(spans)) add(`${set}${family}`, [addressPart(family, span)])
  }
}

function addContainers(spec: FirewallSpec, { add }: Collector): void {
  for (const { object, address, veth } of spec.containers) {
    const text = addressText(address)
    add('veths', [veth])
    add(`containers${address.family}`, [text])
    add(`sources${address.family}`, [veth, text])
    if (spec.isJudging) add(`judged${address.family}`, [text])
    if (spec.restricted.has(object)) add(`restricted${address.family}`, [text])
  }
  const containers = new Map(spec.containers.map((each) => [each.object, each]))
  for (const { container, link } of spec.forwards) {
    const asker = containers.get(container)
    if (asker === undefined) continue
    add(`forwards${asker.address.family}`, [addressText(asker.address), link])
  }
}

function addFlows(spec: FirewallSpec, { add }: Collector): void {
  const ingress = byContainer(spec.ingress)
  const egress = byContainer(spec.egress)
  const ownAddresses = spec.links.map(({ address }) => hostNetwork(address))
  const guarded = [...guardedAlways, ...spec.hosts.map(({ address }) => hostNetwork(address))]
  const published: readonly Admission[] = spec.remotePublishes.map(({ address, ports }) => ({
    network: hostNetwork(address),
    ports: [ports],
  }))
  for (const container of spec.containers) {
    const own = addressText(container.address)
    const { family } = container.address
    const asked = egress.get(container.object) ?? []
    const put = (set: string, admissions: readonly Admission[]): void => {
      for (const box of disjointBoxes(family, admissions)) {
        const other = addressPart(family, box.addresses)
        const [asker, target] = set === 'ingress' ? [other, own] : [own, other]
        add(`${set}${family}`, flowElement(asker, target, box).key)
      }
    }
    put('ingress', ingress.get(container.object) ?? [])
    put('egress', asked)
    // A wide network never opens what is guarded: it has to be named itself.
    const named = asked.filter(({ network }) => isWithin(network, guarded))
    put('opened', [...named, ...published])
    put('host', hostAdmissions(container, named, ownAddresses))
  }
}

function byContainer(rules: readonly PolicyRule[]): ReadonlyMap<string, readonly PolicyRule[]> {
  const found = new Map<string, PolicyRule[]>()
  for (const rule of rules) {
    const list = found.get(rule.container)
    if (list === undefined) found.set(rule.container, [rule])
    else list.push(rule)
  }
  return found
}

function isWithin(network: Cidr, ranges: readonly Cidr[]): boolean {
  return ranges.some((range) => contains(range, network))
}

/** What of its own host a container may ask, at the host's addresses and at its gateway. */
function hostAdmissions(
  { address }: LocalContainer,
  named: readonly Admission[],
  ownAddresses: readonly Cidr[],
): readonly Admission[] {
  const gateway = hostNetwork(gatewayOf(address.family))
  return named
    .filter(({ network }) => isWithin(network, [...ownAddresses, gateway]))
    .flatMap((admission) => [admission, { ...admission, network: gateway }])
}

function addPublishes(spec: FirewallSpec, { add }: Collector): void {
  const containers = new Map(spec.containers.map((each) => [each.object, each]))
  for (const publish of spec.publishes) {
    const target: Address | undefined = containers.get(publish.container)?.address
    if (target === undefined) continue
    const { family } = target
    const protocol = protocolNumbers[publish.protocol]
    const to = addressText(target)
    const value = [to, publish.containerPort]
    add(`targets${family}`, [to, protocol, publish.containerPort])
    add(`hairpins${family}`, [to, to])
    const at = publish.hostAddress
    if (at !== null) {
      add(`on_network${family}`, [addressText(at), protocol, publish.hostPort], value)
    } else add(`on_${publish.on}${family}`, [protocol, publish.hostPort], value)
  }
}
