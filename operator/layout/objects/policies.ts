import type { ConfigObject } from '../../../protocol/documents/config.ts'
import type { Arrangement } from '../services/arrangement.ts'
import { compareTexts, type Member } from '../services/members.ts'
import { objectName } from '../services/object-names.ts'
import type { Replica } from '../services/placement.ts'
import { endTexts, type Flow, type Flows } from './flows.ts'
import { groupsOf } from './found-by.ts'
import type { Fields } from './hardening.ts'

/** Everything that is outside: what a container without a policy of its own may ask. */
const anywhere: readonly string[] = ['0.0.0.0/0', '::/0']

/** The policy of a container, by object name; undefined where it needs none. */
export function policyOf(
  replica: Replica,
  flows: Flows,
  arrangement: Arrangement,
): readonly [name: string, object: ConfigObject] | undefined {
  const { member, ordinal, object } = replica
  if (arrangement.ownerOf(member) !== member || member.service.networkMode.kind === 'host') {
    return undefined
  }
  const ingress = rulesOf(flows.into.get(member) ?? [], 'from', replica, arrangement)
  const out = flows.outOf.get(member) ?? []
  const egress = egressOf(member, out, replica, arrangement)
  if (ingress.length === 0 && egress === undefined) return undefined
  const { stack, service } = member
  const policy: ConfigObject = {
    type: 'nftables_policy',
    container: object,
    ...(ingress.length === 0 ? {} : { ingress }),
    ...(egress === undefined ? {} : { egress }),
  }
  const end = ordinal === 1 ? '_p' : (`_${ordinal}_p` as const)
  return [objectName(stack.name, service.name, end), policy]
}

/** Undefined for a container that may ask whatever lies outside, and nothing of any host. */
function egressOf(
  member: Member,
  out: readonly Flow[],
  replica: Replica,
  arrangement: Arrangement,
): readonly Fields[] | undefined {
  const groups = groupsOf(member, arrangement)
  const isInside = groups.every(({ isInternal }) => isInternal)
  const named = rulesOf(out, 'to', replica, arrangement).filter(
    ({ to }) => isInside || (typeof to === 'string' && !to.startsWith('container:')),
  )
  if (isInside) return named
  return named.length === 0 ? undefined : [...anywhere.map((to) => ({ to })), ...named]
}

/** Rules with one end each, without the container itself, ordered; each end once for all ports. */
function rulesOf(
  flows: readonly Flow[],
  key: 'from' | 'to',
  replica: Replica,
  arrangement: Arrangement,
): readonly Fields[] {
  const rules = new Map<string, Fields>()
  const open = new Set<string>()
  for (const flow of flows) {
    const ports = flow.ports ?? declaredPorts(flow, key)
    for (const text of endTexts(flow[key], replica.host, arrangement)) {
      if (text === `container:${replica.object}`) continue
      if (ports !== undefined && ports.length === 0) continue
      if (ports === undefined) open.add(text)
      const rule = ports === undefined ? { [key]: text } : { [key]: text, ports }
      rules.set(`${text} ${ports?.join() ?? ''}`, rule)
    }
  }
  const left = [...rules].filter(([, rule]) => !('ports' in rule) || !open.has(String(rule[key])))
  return left.sort(([a], [b]) => compareTexts(a, b)).map(([, rule]) => rule)
}

/** Of a service on the network of its host only the ports that it declares are open. */
function declaredPorts({ to }: Flow, key: 'from' | 'to'): readonly string[] | undefined {
  if (key === 'from' || to.kind !== 'member') return undefined
  const { service } = to.member
  if (service.networkMode.kind !== 'host') return undefined
  const ports = [
    ...service.expose.map(({ port, protocol }) => `${port}/${protocol}`),
    ...service.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
  ]
  return [...new Set(ports)].sort()
}
