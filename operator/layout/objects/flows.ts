import { parseAddress, parseCidr } from '../../../reconcilers/addresses.ts'
import type { Findings } from '../findings.ts'
import { pairsMax } from '../limits.ts'
import type { Arrangement } from '../services/arrangement.ts'
import type { Allowed } from '../services/covey-keys.ts'
import type { Member } from '../services/members.ts'
import type { Replica } from '../services/placement.ts'
import { groupsOf } from './found-by.ts'

/** One end of a flow: a service, or an end as policies write it. */
export type End =
  | { readonly kind: 'member'; readonly member: Member }
  | { readonly kind: 'text'; readonly text: string }

/** Who may ask a service, and for what. */
export interface Flow {
  readonly from: End
  readonly to: End
  /** As policies have them; undefined for all. */
  readonly ports: readonly string[] | undefined
}

/** All flows that services are to have, by the services at their ends. */
export interface Flows {
  readonly into: ReadonlyMap<Member, readonly Flow[]>
  readonly outOf: ReadonlyMap<Member, readonly Flow[]>
}

/**
 * Who may talk to whom: members of a network to each other, and what `x-covey: { allow }` says.
 * Ends are the services whose network it is. Faults: `stack-allow`, `stack-pairs`.
 */
export function readFlows(arrangement: Arrangement, findings: Findings): Flows {
  const into = new Map<Member, Flow[]>()
  const outOf = new Map<Member, Flow[]>()
  const add = (flow: Flow): void => {
    if (flow.to.kind === 'member') listIn(into, flow.to.member).push(flow)
    if (flow.from.kind === 'member') listIn(outOf, flow.from.member).push(flow)
  }
  for (const [member, peers] of peersOf(arrangement)) {
    for (const peer of peers) {
      const [from, to] = [memberEnd(peer), memberEnd(member)]
      add({ from, to, ports: undefined })
    }
  }
  expectPairs(arrangement, into, findings)
  for (const member of arrangement.members.all) {
    const own = memberEnd(arrangement.ownerOf(member))
    for (const { ends, ports } of allowed(member, member.covey.from, arrangement, findings)) {
      for (const end of ends) add({ from: end, to: own, ports })
    }
    for (const { ends, ports } of allowed(member, member.covey.to, arrangement, findings)) {
      for (const end of ends) {
        if (end.kind === 'text') add({ from: own, to: end, ports })
        else {
          const message = `say it at ${end.member.label}: x-covey: { allow: { from: ${member.label} } }`
          const path = `services.${member.service.name}.x-covey.allow`
          findings.fault(member.service.placeOf('x-covey.allow'), 'stack-allow', message, path)
        }
      }
    }
  }
  return { into, outOf }
}

function memberEnd(member: Member): End {
  return { kind: 'member', member }
}

function listIn(map: Map<Member, Flow[]>, member: Member): Flow[] {
  const list = map.get(member) ?? []
  map.set(member, list)
  return list
}

/** For each service with a network of its own: those that share one with it, itself included. */
function peersOf(arrangement: Arrangement): ReadonlyMap<Member, ReadonlySet<Member>> {
  const inGroup = new Map<string, Member[]>()
  const owners = new Set(arrangement.members.all.map((member) => arrangement.ownerOf(member)))
  for (const member of owners) {
    for (const { key } of groupsOf(member, arrangement)) {
      inGroup.set(key, [...(inGroup.get(key) ?? []), member])
    }
  }
  const peers = new Map<Member, Set<Member>>()
  for (const list of inGroup.values()) {
    for (const member of list) {
      const known = peers.get(member) ?? new Set<Member>()
      for (const other of list) known.add(other)
      peers.set(member, known)
    }
  }
  return peers
}

/** Bounds the pairs of containers of one stack; a pair of two stacks counts for both. */
function expectPairs(
  arrangement: Arrangement,
  into: ReadonlyMap<Member, readonly Flow[]>,
  findings: Findings,
): void {
  const counts = new Map<string, number>()
  for (const [member, flows] of into) {
    const own = arrangement.replicasOf(member).length
    const asking = flows.reduce((sum, { from }) => {
      if (from.kind !== 'member') return sum
      const others = arrangement.replicasOf(from.member).length
      return sum + (from.member === member ? others - 1 : others)
    }, 0)
    const { name } = member.stack
    counts.set(name, (counts.get(name) ?? 0) + (own * asking) / 2)
  }
  for (const [stack, pairs] of counts) {
    if (pairs <= pairsMax) continue
    const path = stack === '' ? 'services' : `stacks.${stack}`
    const message = `${Math.ceil(pairs)} pairs of its containers may talk to each other, and at most ${pairsMax} are allowed: give them networks of their own, or make it two stacks`
    findings.faultAt(path, 'stack-pairs', message)
  }
}

function allowed(
  member: Member,
  rules: readonly Allowed[],
  arrangement: Arrangement,
  findings: Findings,
): readonly { readonly ends: readonly End[]; readonly ports: readonly string[] | undefined }[] {
  return rules.map(({ ends, ports }) => {
    const found = ends.flatMap(({ text, place }) => {
      const end = endOf(member, text, arrangement)
      if (typeof end !== 'string') return [end]
      findings.fault(place, 'stack-allow', end, `services.${member.service.name}.x-covey.allow`)
      return []
    })
    return { ends: found, ports }
  })
}

/** An end as it is written, or why it is none. */
function endOf(member: Member, text: string, arrangement: Arrangement): End | string {
  const { layout } = arrangement.input
  const [, host] = /^host:(.*)$/.exec(text) ?? []
  if (host !== undefined) {
    if (layout.hosts.has(host)) return { kind: 'text', text }
    return `there is no host "${host}" (known: ${[...layout.hosts.keys()].join(', ')})`
  }
  if (text === 'host') return { kind: 'text', text: 'host' }
  if (parseCidr(text) !== undefined || parseAddress(text) !== undefined) {
    return { kind: 'text', text }
  }
  const keys = text.includes('/') ? [text] : [`${member.stack.name}/${text}`, `/${text}`]
  const found = keys.map((key) => arrangement.members.byKey.get(key)).find(Boolean)
  if (found !== undefined) return memberEnd(arrangement.ownerOf(found))
  return `"${text}" is no service, as shop/api, no host:NAME and no network, as 192.0.2.0/24`
}

/** The containers or hosts that an end stands for, as policies of a host write them. */
export function endTexts(end: End, host: string, arrangement: Arrangement): readonly string[] {
  if (end.kind === 'text') return [end.text === 'host' ? `host:${host}` : end.text]
  const { member } = end
  const texts = arrangement.replicasOf(member).map((replica) => replicaText(replica, host))
  return [...new Set(texts)]
}

function replicaText({ member, host, object }: Replica, from: string): string {
  if (member.service.networkMode.kind === 'host') return `host:${host}`
  return host === from ? `container:${object}` : `container:${host}/${object}`
}
