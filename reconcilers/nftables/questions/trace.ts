import type { Config } from '../../../protocol/documents/config.ts'
import { type Address, addressText, contains, hostNetwork, parseAddress } from '../../addresses.ts'
import { clusterOf } from '../../cluster/index.ts'
import type { Places } from '../../cluster/places.ts'
import { near } from '../elements/ranges.ts'
import type { FirewallSpec, LocalContainer, PublishSpec } from '../flows/firewall.ts'
import { mappedProblem, type PortRange, parseFlowEnd } from '../flows/flow-end.ts'
import { resolveNftables } from '../resolve.ts'
import { type Flow, type Judgement, judgeFlow } from './explain.ts'

/** The judgement of one host on a flow. */
interface TraceStep extends Judgement {
  readonly host: string
}

/** The fate of a flow, from the config alone. */
export interface Trace {
  readonly from: TraceEnd
  readonly to: TraceEnd
  readonly isAdmitted: boolean
  /** In the order of the way. Empty where no container is at either end. */
  readonly steps: readonly TraceStep[]
}

/** An end of a flow as it was found. */
export interface TraceEnd {
  /** `container:cloud01/web`, `host:cloud01`, or the address alone. */
  readonly words: string
  readonly address: Address
}

/** The reason why an end cannot be found; for people. */
export interface UnknownEnd {
  readonly problem: string
}

/**
 * Finds an end: an address, `host:NAME`, `container:HOST/NAME`, `HOST/NAME`, or a container's bare
 * name where only one host has one of that name. Of a host with several addresses it is the first,
 * of `family` where it has one.
 */
export function findEnd(
  config: Config,
  text: string,
  family?: Address['family'],
): TraceEnd | UnknownEnd {
  const places = clusterOf(config).places
  const address = parseAddress(text)
  if (address !== undefined) {
    const problem = mappedProblem(text, hostNetwork(address))
    return problem === undefined ? { words: wordsAt(places, address), address } : { problem }
  }
  const isPlain = /^(container|host):/.test(text)
  const end = parseFlowEnd(isPlain ? text : `container:${text}`)
  if (end?.kind === 'host') {
    const own = [...(places.links.get(end.host)?.values() ?? [])]
    const first = own.find((each) => each.family === family) ?? own[0]
    return first === undefined
      ? { problem: `no host ${end.host} with a WireGuard network` }
      : { words: `host:${end.host}`, address: first }
  }
  if (end?.kind !== 'container') return { problem: `"${text}" is no container, host or address` }
  const { host, container } = end
  const hosts = host === null ? [...places.containers.keys()] : [host]
  const found = hosts.flatMap((each) => {
    const at = places.containers.get(each)?.get(container)
    return at === undefined ? [] : [{ words: `container:${each}/${container}`, address: at }]
  })
  const [first, second] = found
  if (first === undefined) return { problem: `no container ${text} with an address` }
  if (second === undefined) return first
  const choice = found.map(({ words }) => words).join(', ')
  return { problem: `${container} is on several hosts: ${choice}` }
}

function wordsAt(places: Places, address: Address): string {
  const text = addressText(address)
  for (const [host, containers] of places.containers) {
    for (const [name, own] of containers) {
      if (addressText(own) === text) return `container:${host}/${name}`
    }
  }
  for (const [host, links] of places.links) {
    if ([...links.values()].some((own) => addressText(own) === text)) return `host:${host}`
  }
  return text
}

/**
 * Follows a flow from end to end: what the host of the container that asks says, then the one of
 * the container that is asked, also through a published port.
 */
export function traceFlow(config: Config, from: TraceEnd, to: TraceEnd, port: PortRange): Trace {
  const asked: Flow = {
    from: from.address,
    to: to.address,
    protocol: port.protocol,
    port: port.protocol === 'icmp' ? 0 : port.first,
  }
  const steps: TraceStep[] = []
  const places = clusterOf(config).places
  const publisher = hostAt(places, to.address)
  const published = publisher === null ? [] : publishedSteps(config, publisher, asked)
  const isLed = published.some((step) => step.isAdmitted)
  for (const host of Object.keys(config.hosts).sort()) {
    const { spec } = resolveNftables(clusterOf(config), host)
    const isOfAsker = spec.containers.some((each) => isSame(each.address, asked.from))
    // A port that leads to a container of the asker's own host does so before anything is judged.
    const flow = isOfAsker && publisher === host ? led(spec, asked) : asked
    for (const judgement of judgeFlow(spec, flow)) {
      // What is led on to a container never comes to the host itself.
      if (judgement.side === 'host' && publisher === host && isLed) continue
      if (judgement.side !== 'in' || flow === asked) steps.push({ host, ...judgement })
    }
  }
  steps.push(...published)
  const order = { out: 0, host: 1, in: 2 }
  steps.sort((a, b) => order[a.side] - order[b.side])
  return { from, to, isAdmitted: steps.every((step) => step.isAdmitted), steps }
}

function isSame(a: Address, b: Address): boolean {
  return a.family === b.family && a.bits === b.bits
}

function hostAt(places: Places, address: Address): string | null {
  for (const [host, links] of places.links) {
    if ([...links.values()].some((own) => isSame(own, address))) return host
  }
  return null
}

/** A published port, and the container to which it leads. */
interface Lead {
  readonly publish: PublishSpec
  readonly target: LocalContainer
}

/** The publish that a flow to an address of this host is for: never one of the other family. */
function leadOf(spec: FirewallSpec, flow: Flow): Lead | undefined {
  for (const publish of spec.publishes) {
    const target = spec.containers.find((each) => each.object === publish.container)
    const isAsked =
      publish.protocol === flow.protocol &&
      publish.hostPort === flow.port &&
      (publish.hostAddress === null || isSame(publish.hostAddress, flow.to))
    if (isAsked && target?.address.family === flow.to.family) return { publish, target }
  }
  return undefined
}

/** The flow behind a published port, or the flow itself where none is published. */
function led(spec: FirewallSpec, flow: Flow): Flow {
  const lead = leadOf(spec, flow)
  if (lead === undefined || !isFor(lead.publish, flow)) return flow
  return { ...flow, to: lead.target.address, port: lead.publish.containerPort }
}

/** True if a published port is there for who asks: one on the LAN is for who is near. */
function isFor({ on }: PublishSpec, { from }: Flow): boolean {
  return on !== 'lan' || near.some((range) => contains(range, hostNetwork(from)))
}

/** The steps of the host that a flow goes to, where a published port leads the flow on. */
function publishedSteps(config: Config, host: string, flow: Flow): readonly TraceStep[] {
  const { spec } = resolveNftables(clusterOf(config), host)
  const publish = leadOf(spec, flow)?.publish
  if (publish === undefined) return []
  const step = { host, side: 'in' as const, object: publish.object }
  if (!isFor(publish, flow)) {
    return [
      { ...step, isAdmitted: false, reason: 'published on the LAN, and this is from outside' },
    ]
  }
  const reason = `published: ${publish.hostPort} leads to ${publish.container}, ${publish.containerPort}`
  return [{ ...step, isAdmitted: true, reason }]
}
