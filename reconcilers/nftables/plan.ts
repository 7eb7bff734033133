import { addressText, parseAddress } from '../addresses.ts'
import type { PlanStep, Verdict } from '../reconciler.ts'
import { compileFirewall } from './elements/compile.ts'
import { type Elements, joined } from './elements/elements.ts'
import { inPhases } from './elements/phases.ts'
import {
  type Count,
  changeBetween,
  countElements,
  type ElementChange,
  rulesDigest,
} from './elements/table.ts'
import type { FirewallSpec, PublishSpec } from './flows/firewall.ts'
import { elementsMax } from './limits.ts'
import type { Listener, NftablesObserved } from './observe.ts'

/** Puts the whole table in place. */
interface ReplaceStep extends PlanStep {
  readonly kind: 'replace'
  readonly elements: Elements
  readonly counts: ReadonlyMap<string, Count>
  /** Reason why the existing table is replaced. */
  readonly why: string
  /** True if it is not known yet what these rules look like here. */
  readonly learns: boolean
}

/** Changes some elements. */
interface UpdateStep extends PlanStep {
  readonly kind: 'update'
  readonly change: ElementChange
}

/** Takes the table away. */
interface RemoveStep extends PlanStep {
  readonly kind: 'remove'
}

/** One step of a plan for the firewall. */
export type NftablesStep = ReplaceStep | UpdateStep | RemoveStep

/** Plans the steps that make the table match the spec: none, or a few transactions. Pure. */
export function planNftables(
  spec: FirewallSpec,
  observed: NftablesObserved,
): readonly NftablesStep[] {
  const { table, memory } = observed
  const whole = compileFirewall(soundPart(spec, observed))
  const isTooMuch = countElements(whole) > elementsMax
  // What was applied stays, and closes whatever is new. Where nothing was, nothing is open.
  if (isTooMuch && table !== null) return []
  const elements = isTooMuch ? compileFirewall(closed(spec)) : whole
  const { objects } = spec
  if (!spec.isNeeded && !observed.hasContainers) {
    return table === null ? [] : [{ kind: 'remove', objects, takesDown: true }]
  }
  const why = whyReplace(observed)
  if (why !== null) {
    // The mesh goes on without a firewall; that it is open to the LAN is told by its `agent`.
    const protects = [...spec.containers.map(({ object }) => object), ...spec.agents]
    const counts = table?.counts ?? new Map()
    // However often somebody takes it away: every moment without it is one too many.
    const learns = memory?.rules !== rulesDigest || table !== null
    return [
      { kind: 'replace', elements, counts, why, learns, objects, protects, pace: 'recurring' },
    ]
  }
  if (table === null || memory === null) return []
  const change = changeBetween(table.elements, elements)
  if (change === null) return []
  // An element too many opens something, and one too few may as well: neither waits.
  const protects = newcomers(spec, change)
  return inPhases(change).map((phase) => {
    return { kind: 'update', change: phase, objects, protects, pace: 'urgent' }
  })
}

/** Containers of which the table knew nothing before. */
function newcomers(spec: FirewallSpec, { added }: ElementChange): readonly string[] {
  return spec.containers
    .filter(({ address, veth }) =>
      added.get(`sources${address.family}`)?.has(joined(veth, addressText(address))),
    )
    .map(({ object }) => object)
}

function whyReplace({ table, unread, memory }: NftablesObserved): string | null {
  if (unread !== null) return `it cannot be read: ${unread}`
  if (table === null) return 'there is none'
  if (memory === null) return 'it is not known whose it is'
  if (memory.rules !== rulesDigest) return 'its rules are of another version'
  if (memory.shape !== table.shape || table.hasForeignElements) return 'someone changed its rules'
  return null
}

/**
 * Faults of this host only: no firewall, ports that the host itself listens on, and too many flows.
 */
export function judgeTable(spec: FirewallSpec, observed: NftablesObserved): readonly Verdict[] {
  const verdicts: Verdict[] = []
  if (observed.unread !== null) {
    const reason = `the LAN may reach this host's mesh addresses: ${observed.unread}`
    for (const object of spec.agents) verdicts.push({ object, state: 'failed', reason })
  }
  for (const publish of spec.publishes) {
    const listener = listenerOf(publish, observed.listening)
    if (listener === undefined) continue
    const place = `${publish.hostPort}/${publish.protocol}`
    const reason = `${place} is taken: a process of this host listens on it; choose another host_port`
    verdicts.push({ object: publish.object, state: 'failed', reason })
  }
  const count = countElements(compileFirewall(spec))
  if (count <= elementsMax) return verdicts
  const reason = `needs ${count} elements, but at most ${elementsMax} are allowed: admit networks instead of single hosts`
  return spec.objects.map((object) => ({ object, state: 'failed', reason }))
}

function listenerOf(publish: PublishSpec, listening: readonly Listener[]): Listener | undefined {
  const at = publish.hostAddress === null ? null : addressText(publish.hostAddress)
  return listening.find(
    ({ protocol, port, address }) =>
      protocol === publish.protocol && port === publish.hostPort && meets(address, at),
  )
}

/** True if a socket hears what comes to a published address; null is every address. */
function meets(listener: string | null, published: string | null): boolean {
  if (listener === null) return true
  if (/^127\.|^::1$/.test(listener)) return false
  if (published === null) return true
  const parsed = parseAddress(listener)
  return parsed !== undefined && addressText(parsed) === published
}

const soundParts = new WeakMap<
  FirewallSpec,
  { readonly taken: string; readonly part: FirewallSpec }
>()

/** Without what this host cannot have. The same part for as long as that is the same. */
function soundPart(spec: FirewallSpec, { listening }: NftablesObserved): FirewallSpec {
  const isTaken = (each: PublishSpec): boolean => listenerOf(each, listening) !== undefined
  const taken = spec.publishes
    .filter(isTaken)
    .map(({ object }) => object)
    .join(' ')
  if (taken === '') return spec
  const before = soundParts.get(spec)
  if (before?.taken === taken) return before.part
  const part = { ...spec, publishes: spec.publishes.filter((each) => !isTaken(each)) }
  soundParts.set(spec, { taken, part })
  return part
}

/** The same containers without any flow. */
function closed(spec: FirewallSpec): FirewallSpec {
  return { ...spec, isJudging: true, ingress: [], egress: [], publishes: [], invitations: [] }
}
