import {
  type Address,
  addressText,
  type Cidr,
  cidrText,
  contains,
  hostNetwork,
} from '../../addresses.ts'
import type { Admission } from '../elements/boxes.ts'
import { guardedAlways, namesAlways } from '../elements/ranges.ts'
import type { FirewallSpec, LocalContainer, PolicyRule } from '../flows/firewall.ts'
import type { PortRange } from '../flows/flow-end.ts'

/** One line of who may talk to whom. */
export interface Permission {
  readonly from: string
  readonly to: string
  /** As `80/tcp`, or `any`. */
  readonly ports: string
  /** Name of the object that says so. */
  readonly object: string
}

/** A flow that someone asks about. */
export interface Flow {
  readonly from: Address
  readonly to: Address
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  /** 0 for `icmp`. */
  readonly port: number
}

/** The judgement of one side on a flow. */
export interface Judgement {
  readonly side: 'out' | 'in' | 'host'
  readonly isAdmitted: boolean
  /** The object that admits or restricts it; null where none does and the default holds. */
  readonly object: string | null
  /** In words, for people. */
  readonly reason: string
}

/** `80/tcp`, `8000-8010/udp` or `icmp`. */
function portsText(ports: readonly PortRange[] | undefined): string {
  if (ports === undefined) return 'any'
  return ports
    .map(({ protocol, first, last }) =>
      protocol === 'icmp' ? 'icmp' : `${first === last ? first : `${first}-${last}`}/${protocol}`,
    )
    .join(', ')
}

/** Who may talk to whom on a host, in words, from the config alone. */
export function permissionsOf(spec: FirewallSpec): readonly Permission[] {
  const ingress = spec.ingress.map((rule) =>
    permission(rule, rule.words, `container:${rule.container}`),
  )
  const egress = spec.egress.map((rule) =>
    permission(rule, `container:${rule.container}`, rule.words),
  )
  const forwards = spec.forwards
    .filter(({ container }) => !spec.restricted.has(container))
    .map(({ object, container, link }) => {
      return { from: `container:${container}`, to: `behind ${link}`, ports: 'any', object }
    })
  const outside = spec.masquerades.map(({ object, subnet }) => {
    return { from: cidrText(subnet), to: 'outside', ports: 'any', object }
  })
  const published = spec.publishes.map((each) => ({
    from: publishedTo[each.on],
    to: `container:${each.container}`,
    ports: `${each.hostPort}/${each.protocol} to ${each.containerPort}`,
    object: each.object,
  }))
  // An end of several addresses, as a host in two meshes, has a rule for each, and says one thing.
  const lines = new Map<string, Permission>()
  for (const line of [...ingress, ...egress, ...forwards, ...outside, ...published]) {
    const { from, to, ports, object } = line
    lines.set(JSON.stringify([from, to, ports, object]), line)
  }
  return [...lines.values()]
}

const publishedTo = {
  network: 'the mesh, by this host',
  lan: 'the mesh and the LAN, by this host',
  public: 'anywhere, by this host',
}

function permission(rule: PolicyRule, from: string, to: string): Permission {
  return { from, to, ports: portsText(rule.ports), object: rule.policy }
}

/**
 * The judgement of a host's firewall on a flow: at the side of who asks, then of who is asked.
 * Empty where neither is one of its containers: such a host decides nothing.
 */
export function judgeFlow(spec: FirewallSpec, flow: Flow): readonly Judgement[] {
  const asker = containerAt(spec, flow.from)
  const target = containerAt(spec, flow.to)
  const judgements: Judgement[] = []
  if (asker !== undefined) judgements.push(judgeOut(spec, flow, asker, target))
  if (target !== undefined) judgements.push(judgeIn(spec, flow, target))
  else if (asker === undefined) judgements.push(...judgeStranger(spec, flow))
  return judgements
}

function containerAt(spec: FirewallSpec, address: Address): LocalContainer | undefined {
  return spec.containers.find((each) => isSame(each.address, address))
}

function isSame(a: Address, b: Address): boolean {
  return a.family === b.family && a.bits === b.bits
}

/** The host's own judgement on a container of another host. */
function judgeStranger(spec: FirewallSpec, flow: Flow): readonly Judgement[] {
  const isSelf = spec.links.some(({ address }) => isSame(address, flow.to))
  const from = hostNetwork(flow.from)
  if (!(isSelf && spec.isNeeded) || !spec.strangers.some((each) => contains(each, from))) return []
  const isInvited = spec.invitations.some(
    ({ address, admissions }) =>
      isSame(address, flow.from) && admissions.some((each) => admitsFlow(each, flow, flow.to)),
  )
  const reason = isInvited
    ? 'an egress over there names this host'
    : 'no container reaches a host that its egress does not name'
  return [{ side: 'host', isAdmitted: isInvited, object: null, reason }]
}

function judgeOut(
  spec: FirewallSpec,
  flow: Flow,
  asker: LocalContainer,
  target: LocalContainer | undefined,
): Judgement {
  const admits = (object: string | null, reason: string): Judgement => {
    return { side: 'out', isAdmitted: true, object, reason }
  }
  const refuses = (object: string | null, reason: string): Judgement => {
    return { side: 'out', isAdmitted: false, object, reason }
  }
  const rules = spec.egress.filter((rule) => rule.container === asker.object)
  const rule = rules.find((each) => admitsFlow(each, flow, flow.to))
  const guard = guardOf(spec, flow.to)
  if (guard !== null) {
    const opened = rules.find(
      (each) => admitsFlow(each, flow, flow.to) && contains(guard.range, each.network),
    )
    const isService = isOpenToAll(spec, flow)
    const reason = `${addressText(flow.to)} is ${guard.what}, which only an egress that names it opens`
    if (opened === undefined && !isService) return refuses(null, reason)
    if (guard.isSelf && opened !== undefined)
      return { ...admits(opened.policy, 'egress names this host'), side: 'host' }
  }
  if (!spec.isJudging) return admits(null, 'this host has no firewall object, so flows are open')
  if (spec.restricted.has(asker.object)) {
    if (rule !== undefined) return admits(rule.policy, `egress to ${rule.words}`)
    const policy = rules[0]?.policy ?? null
    return refuses(policy, `${asker.object} has an egress list, and this flow is not in it`)
  }
  if (target !== undefined)
    return admits(null, 'to a container of the same host: its ingress decides')
  const link = linkTo(spec, flow.to)
  const forward = spec.forwards.find(
    (each) => each.container === asker.object && each.link === link,
  )
  if (forward !== undefined) return admits(forward.object, `forward to ${forward.link}`)
  if (link !== null) return refuses(null, `no nftables_forward from ${asker.object} to ${link}`)
  if (spec.mesh.some((each) => contains(each, hostNetwork(flow.to)))) {
    return refuses(null, `no link of this host leads to ${addressText(flow.to)}`)
  }
  const outside = spec.masquerades.find(({ network }) => network === asker.network)
  if (outside !== undefined) return admits(outside.object, 'masquerade to the outside')
  return refuses(null, `no nftables_masquerade for the network of ${asker.object}`)
}

function judgeIn(spec: FirewallSpec, flow: Flow, target: LocalContainer): Judgement {
  if (!spec.isJudging) {
    const reason = 'this host has no firewall object, so flows are open'
    return { side: 'in', isAdmitted: true, object: null, reason }
  }
  if (spec.links.some(({ address }) => isSame(address, flow.from))) {
    const reason = 'processes of a host reach its containers, whatever is said'
    return { side: 'in', isAdmitted: true, object: null, reason }
  }
  const rules = spec.ingress.filter((rule) => rule.container === target.object)
  const rule = rules.find((each) => admitsFlow(each, flow, flow.from))
  if (rule !== undefined) {
    return {
      side: 'in',
      isAdmitted: true,
      object: rule.policy,
      reason: `ingress from ${rule.words}`,
    }
  }
  const reason = `no ingress of ${target.object} admits this flow`
  return { side: 'in', isAdmitted: false, object: rules[0]?.policy ?? null, reason }
}

/** A port that another host publishes, or a name server of the cloud. */
function isOpenToAll(spec: FirewallSpec, flow: Flow): boolean {
  const isNames = addressText(flow.to) === namesAlways.address && flow.port === namesAlways.port
  if (isNames && flow.protocol !== 'icmp') return true
  return spec.remotePublishes.some(
    (each) => isSame(each.address, flow.to) && admitsPorts([each.ports], flow),
  )
}

function admitsFlow(rule: Admission, flow: Flow, other: Address): boolean {
  return contains(rule.network, hostNetwork(other)) && admitsPorts(rule.ports, flow)
}

function admitsPorts(ports: readonly PortRange[] | undefined, { protocol, port }: Flow): boolean {
  return (
    ports === undefined ||
    ports.some(
      (each) =>
        each.protocol === protocol &&
        (protocol === 'icmp' || (each.first <= port && port <= each.last)),
    )
  )
}

function guardOf(
  spec: FirewallSpec,
  address: Address,
): { readonly range: Cidr; readonly what: string; readonly isSelf: boolean } | null {
  const host = spec.hosts.find((each) => isSame(each.address, address))
  if (host !== undefined) {
    const isSelf = host.host === spec.host
    const what = `an address of host ${host.host}`
    return { range: hostNetwork(host.address), what, isSelf }
  }
  const endpoint = spec.endpoints.find((each) => isSame(each.address, address))
  if (endpoint !== undefined) {
    const what = `where tunnels find host ${endpoint.host}`
    return { range: hostNetwork(address), what, isSelf: false }
  }
  const range = guardedAlways.find((each) => contains(each, hostNetwork(address)))
  return range === undefined ? null : { range, what: 'link-local or cloud metadata', isSelf: false }
}

/** Name of the link behind which an address lies, or null for the outside. */
function linkTo(spec: FirewallSpec, address: Address): string | null {
  for (const { link, networks } of spec.reach) {
    if (networks.some((network) => contains(network, hostNetwork(address)))) return link
  }
  return null
}
