import { createHash } from 'node:crypto'
import type { Findings } from '../findings.ts'
import type { CompileInput } from '../inputs.ts'
import { replicasMax } from '../limits.ts'
import { factKey } from '../lock.ts'
import { candidatesOf } from './candidates.ts'
import { compareTexts, type Member, type Members } from './members.ts'
import { objectName } from './object-names.ts'
import { readUnits, type Unit } from './together.ts'

/** One container of a service, in its place. */
export interface Replica {
  readonly member: Member
  /** From 1, over the whole cluster. */
  readonly number: number
  readonly host: string
  /** From 1, on that host. */
  readonly ordinal: number
  /** Name of its object on that host. */
  readonly object: string
}

/** Which containers run where. */
export interface Placement {
  /** Of each service, in the order of their numbers; empty after a fault. */
  readonly replicas: ReadonlyMap<Member, readonly Replica[]>
  /** Facts for the lock: `placement.STACK/SERVICE`. */
  readonly facts: ReadonlyMap<string, string>
}

/**
 * Places all services. A place that is in the lock and still possible is kept; new ones go where
 * the fewest of a service are, then by rendezvous hashing, so that no other service moves.
 */
export function placeServices(
  members: Members,
  input: CompileInput,
  findings: Findings,
): Placement {
  const replicas = new Map<Member, readonly Replica[]>()
  const facts = new Map<string, string>()
  for (const unit of readUnits(members, findings)) {
    const candidates = unitCandidates(unit, input, findings)
    const count = replicaCount(unit, candidates.length, findings)
    const hosts = hostsFor(unit, candidates, count, input)
    for (const member of unit.members) {
      replicas.set(member, replicasOf(member, hosts))
      if (hosts.length > 0) facts.set(placementKey(member), hosts.join(','))
    }
  }
  for (const list of replicas.values()) {
    for (const { object, member } of list) {
      if (object === member.object) continue
      members.names.claim(object, `a replica of ${member.label}`, member.service.place)
    }
  }
  return { replicas, facts }
}

/** The fact that says where a service is. */
function placementKey(member: Member): string {
  return factKey('placement', member.key)
}

/** Hosts on which all of a unit may run. */
function unitCandidates(unit: Unit, input: CompileInput, findings: Findings): readonly string[] {
  const each = unit.members.map((member) => ({
    member,
    hosts: candidatesOf(member, input, findings),
  }))
  let left = each[0]?.hosts ?? []
  for (const { member, hosts } of each.slice(1)) {
    const both = left.filter((host) => hosts.includes(host))
    if (both.length === 0 && left.length > 0 && hosts.length > 0) {
      const first = each[0]?.member
      const { place } = member.service
      const where = first && ` (${first.service.place.file}:${first.service.place.line})`
      const message = `${member.label} and ${first?.label}${where} share ${unit.tie}, and no host may run both`
      findings.fault(place, 'stack-placement', message, `services.${member.service.name}`)
    }
    left = both
  }
  return left
}

function replicaCount(unit: Unit, hosts: number, findings: Findings): number {
  const [leader] = unit.members
  if (leader === undefined) return 0
  const counts = unit.members.map(({ service: { deploy } }) =>
    deploy.mode === 'global' ? hosts : (deploy.replicas ?? 1),
  )
  const several = unit.members.find((_, index) => (counts[index] ?? 1) > 1)
  if (several === undefined) return counts[0] ?? 1
  const { service, label } = several
  const place = service.placeOf(
    service.deploy.mode === 'global' ? 'deploy.mode' : 'deploy.replicas',
  )
  const fault = (message: string): number => {
    findings.fault(place, 'stack-replicas', message, `services.${service.name}.deploy`)
    return 1
  }
  if (unit.data !== undefined) {
    const { file, line, column } = unit.data.place
    return fault(
      `${label} has data (${file}:${line}:${column}): it runs once, or without that mount`,
    )
  }
  if (unit.members.length > 1) {
    const others = unit.members.filter((member) => member !== several).map((each) => each.label)
    return fault(`${label} shares ${unit.tie} with ${others.join(', ')}: it runs once`)
  }
  const count = counts[0] ?? 1
  return count <= replicasMax ? count : fault(`at most ${replicasMax} replicas`)
}

function hostsFor(
  { members }: Unit,
  candidates: readonly string[],
  count: number,
  { lock }: CompileInput,
): readonly string[] {
  const [leader] = members
  if (leader === undefined || candidates.length === 0) return []
  const facts = members.map((member) => lock.facts.get(placementKey(member))?.split(',') ?? [])
  const known = facts.map((hosts) => hosts.filter((host) => candidates.includes(host)))
  const hosts = [...(known.find((list) => list.length > 0) ?? [])].slice(0, count)
  const ranked = rankedHosts(leader.key, candidates)
  while (hosts.length < count) {
    const countOn = (host: string): number => hosts.filter((each) => each === host).length
    const fewest = Math.min(...ranked.map(countOn))
    const next = ranked.find((host) => countOn(host) === fewest)
    if (next === undefined) break
    hosts.push(next)
  }
  return hosts
}

/** Rendezvous hashing: another host changes nothing for those that it does not win. */
function rankedHosts(key: string, hosts: readonly string[]): readonly string[] {
  const scored = hosts.map((host) => {
    return { host, score: createHash('sha256').update(`${key}\0${host}`).digest('hex') }
  })
  return scored.sort((a, b) => compareTexts(b.score, a.score)).map(({ host }) => host)
}

function replicasOf(member: Member, hosts: readonly string[]): readonly Replica[] {
  const seen = new Map<string, number>()
  return hosts.map((host, index) => {
    const ordinal = (seen.get(host) ?? 0) + 1
    seen.set(host, ordinal)
    const { stack, service } = member
    const object =
      ordinal === 1 ? member.object : objectName(stack.name, service.name, `_${ordinal}`)
    return { member, number: index + 1, host, ordinal, object }
  })
}
