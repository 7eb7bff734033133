import type { Status } from '../../../protocol/api/status.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { addressText } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { type PortRange, parsePorts } from '../../../reconcilers/nftables/flows/flow-end.ts'
import { findEnd, type TraceEnd, traceFlow } from '../../../reconcilers/nftables/questions/trace.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Link } from './links.ts'

/** Somebody who may ask a container. */
export interface Asker {
  /** In the words of `x-covey: allow`. */
  readonly words: string
  readonly end: TraceEnd
  /** Host that it is, or is on; null for an address that is of no host. */
  readonly host: string | null
}

/** Container that is asked. */
export interface AskedContainer {
  readonly host: string
  readonly object: string
  readonly name: string
}

/** One port, and what becomes of it. */
interface PortAnswer {
  readonly port: string
  readonly isAdmitted: boolean
  readonly object: string | null
  readonly reason: string
}

/** Ports of a container that are published, in words, and the objects that say so. */
export function publishedPorts(
  config: Config,
  { host, object }: Pick<AskedContainer, 'host' | 'object'>,
): readonly { readonly object: string; readonly text: string }[] {
  const scopes = { network: 'the mesh', lan: 'the LAN', public: 'everybody' }
  const { publishes } = resolveNftables(clusterOf(config), host).spec
  return publishes
    .filter(({ container }) => container === object)
    .map((each) => {
      const text = `${each.hostPort}/${each.protocol} of ${host} for ${scopes[each.on]}`
      return { object: each.object, text }
    })
}

/** An end of the cluster, or an address. Throws `Failure` `unknown-end`. */
export function askerOf(
  config: Config,
  text: string,
  container: Pick<AskedContainer, 'host' | 'object' | 'name'> | undefined,
): Asker {
  const word = container === undefined ? text : `${container.host}/${container.object}`
  const end = findEnd(config, word)
  if ('problem' in end) {
    throw new Failure(2, 'unknown-end', end.problem, {
      hint: 'name a service (shop/api), a host (host:cloud01) or an address',
    })
  }
  if (container !== undefined) return { words: container.name, end, host: container.host }
  const host = /^host:(.+)$/.exec(end.words)?.[1] ?? /^container:(.+)\//.exec(end.words)?.[1]
  const isAddress = text.includes('.') || text.includes(':')
  const bits = end.address.family === 6 ? 128 : 32
  const words =
    text.startsWith('host:') || !isAddress ? text : `${addressText(end.address)}/${bits}`
  return { words, end, host: host ?? null }
}

/**
 * The link for the policy: if somebody may use a container, by which object, or what would allow
 * it.
 */
export function policyLink(config: Config, asker: Asker, asked: AskedContainer): Link {
  const answers = answersFor(config, asker, asked)
  const who = asker.words
  const admitted = answers.filter(({ isAdmitted }) => isAdmitted)
  if (admitted.length > 0) {
    const ports = admitted.map(({ port, object }) => `${port} by ${object ?? 'default'}`)
    const text = `${who} may ask it: ${[...new Set(ports)].join(', ')}`
    return { link: 'policy', state: 'ok', text, hint: null }
  }
  const [first] = answers
  const why = first === undefined ? '' : `: ${first.object ?? 'default'}: ${first.reason}`
  return {
    ...{ link: 'policy', state: 'broken' },
    text: `${who} may not ask it${why}`,
    hint: `at ${asked.name} in its Compose file: x-covey: { allow: { from: ["${who}"] } }`,
  }
}

function answersFor(
  config: Config,
  asker: Asker,
  { host, object }: AskedContainer,
): readonly PortAnswer[] {
  const { spec } = resolveNftables(clusterOf(config), host)
  const published = spec.publishes.filter(({ container }) => container === object)
  const own = spec.ingress
    .filter(({ container }) => container === object)
    .flatMap(({ ports }) => ports ?? [anyPort])
  const inside = [...own, ...published.map((each) => portOf(each.containerPort, each.protocol))]
  const ports = inside.length === 0 ? [anyPort] : inside
  const { family } = asker.end.address
  const answers = ports.flatMap((port) => {
    return answerOf(config, asker, findEnd(config, `${host}/${object}`, family), port)
  })
  const outside = published.flatMap((each) => {
    const port = portOf(each.hostPort, each.protocol)
    return answerOf(config, asker, findEnd(config, `host:${host}`, family), port)
  })
  const isOutside = asker.host === null
  return isOutside ? [...outside, ...answers] : [...answers, ...outside]
}

/** Stands for all ports where a policy names none. */
const anyPort: PortRange = portOf(80, 'tcp')

function portOf(port: number, protocol: 'tcp' | 'udp'): PortRange {
  const parsed = parsePorts(`${port}/${protocol}`)
  if (parsed === undefined) throw new Error(`${port}/${protocol} is no port`)
  return parsed
}

function answerOf(
  config: Config,
  { end }: Asker,
  to: ReturnType<typeof findEnd>,
  range: PortRange,
): readonly PortAnswer[] {
  if ('problem' in to || to.address.family !== end.address.family) return []
  const one = range.protocol === 'icmp' ? range : { ...range, last: range.first }
  const { isAdmitted, steps } = traceFlow(config, end, to, one)
  const step = steps.findLast((each) => each.isAdmitted === isAdmitted)
  const port = one.protocol === 'icmp' ? 'icmp' : `${one.first}/${one.protocol}`
  const reason = step?.reason ?? 'covey judges neither end'
  return [{ port, isAdmitted, object: step?.object ?? null, reason }]
}

/** The link for the tunnel between the hosts of both ends: if it is up, as the agents see it. */
export function tunnelLink(
  asker: Asker,
  asked: AskedContainer,
  said: ReadonlyMap<string, Status>,
): Link | null {
  const [from, to] = [asker.host, asked.host]
  if (from === null || from === to) return null
  const link = 'tunnel'
  const between = `${from} and ${to}`
  for (const [host, other] of [
    [to, from],
    [from, to],
  ] as const) {
    const status = said.get(host)
    if (status === undefined) continue
    const odd = status.objects.find(({ type, state }) => {
      return type.startsWith('wireguard') && state !== 'converged'
    })
    if (odd !== undefined) {
      const text = `${odd.name} of ${host} is ${odd.state}${odd.reason === null ? '' : `: ${odd.reason}`}`
      return { link, state: 'broken', text, hint: `covey doctor on ${host}` }
    }
    const peer = status.peers.find((each) => each.host === other)
    if (peer?.connected === true) {
      return { link, state: 'ok', text: `${between} talk to each other`, hint: null }
    }
    if (peer !== undefined) {
      const hint = `can ${host} reach the endpoint of ${other} over UDP? covey doctor on both`
      return { link, state: 'broken', text: `${host} does not reach ${other}`, hint }
    }
  }
  const text = `${between} do not talk to each other now, so nothing is known of their tunnel`
  return { link, state: 'unknown', text, hint: null }
}
