import { addressText, parseAddress } from '../addresses.ts'
import type { PlanStep, Verdict } from '../reconciler.ts'
import { compileFirewall } from './compile.ts'
import { type Element, type Elements, elementText } from './elements.ts'
import type { FirewallSpec, PublishSpec } from './firewall.ts'
import { elementsMax } from './limits.ts'
import type { Listener, NftablesObserved } from './observe.ts'
import {
  type Count,
  changeBetween,
  countElements,
  type ElementChange,
  rulesDigest,
} from './table.ts'

/** Puts the whole table in place. */
interface ReplaceStep extends PlanStep {
  readonly kind: 'replace'
  readonly elements: Elements
  readonly counts: ReadonlyMap<string, Count>
  /** Why the table that was there is not good. */
  readonly why: string
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

/** What to do so that the table is as the spec says: nothing, or one transaction. Pure. */
export function planNftables(
  spec: FirewallSpec,
  observed: NftablesObserved,
): readonly NftablesStep[] {
  const { table, memory, lingering } = observed
  const elements = withLingering(compileFirewall(soundPart(spec, observed)), observed)
  if (countElements(elements) > elementsMax) return []
  const { objects } = spec
  if (!spec.isNeeded && lingering.size === 0) {
    return table === null ? [] : [{ kind: 'remove', objects, takesDown: true }]
  }
  const why = whyReplace(observed)
  if (why !== null) {
    return [{ kind: 'replace', elements, counts: table?.counts ?? new Map(), why, objects }]
  }
  if (table === null || memory === null) return []
  const change = changeBetween(table.elements, elements)
  return change === null ? [] : [{ kind: 'update', change, objects }]
}

function whyReplace({ table, memory }: NftablesObserved): string | null {
  if (table === null) return 'there is none'
  if (memory === null) return 'it is not known whose it is'
  if (memory.rules !== rulesDigest) return 'its rules are of another version'
  if (memory.shape !== table.shape || table.hasForeignElements) return 'someone changed its rules'
  return null
}

/** What is wrong on this host only: ports that the host itself listens on, and too many flows. */
export function judgeNftables(spec: FirewallSpec, observed: NftablesObserved): readonly Verdict[] {
  const verdicts: Verdict[] = []
  for (const publish of spec.publishes) {
    const listener = listenerOf(publish, observed.listening)
    if (listener === undefined) continue
    const place = `${publish.hostPort}/${publish.protocol}`
    const reason = `${place} is taken: a process of this host listens on it; choose another host_port`
    verdicts.push({ object: publish.object, state: 'failed', reason })
  }
  const count = countElements(compileFirewall(spec))
  if (count <= elementsMax) return verdicts
  const reason = `needs ${count} elements, and at most ${elementsMax} are allowed: admit networks instead of single hosts`
  return spec.objects.map((object) => ({ object, state: 'failed', reason }))
}

function listenerOf(publish: PublishSpec, listening: readonly Listener[]): Listener | undefined {
  const at = publish.hostAddress === null ? null : addressText(publish.hostAddress)
  return listening.find(
    ({ protocol, port, address }) =>
      protocol === publish.protocol && port === publish.hostPort && meets(address, at),
  )
}

/** Whether a socket hears what comes to a published address; null is every address. */
function meets(listener: string | null, published: string | null): boolean {
  if (listener === null) return true
  if (/^127\.|^::1$/.test(listener)) return false
  if (published === null) return true
  const parsed = parseAddress(listener)
  return parsed !== undefined && addressText(parsed) === published
}

/** Without what this host cannot have. */
function soundPart(spec: FirewallSpec, { listening }: NftablesObserved): FirewallSpec {
  const publishes = spec.publishes.filter((each) => listenerOf(each, listening) === undefined)
  return publishes.length === spec.publishes.length ? spec : { ...spec, publishes }
}

/**
 * A container that is on its way out keeps its place in the sets that protect others from it: its
 * flows are refused, and not passed over.
 */
function withLingering(elements: Elements, { table, lingering }: NftablesObserved): Elements {
  if (lingering.size === 0 || table === null) return elements
  const result = new Map([...elements].map(([set, own]) => [set, new Map(own)]))
  const keep = (set: string, element: Element): void => {
    result.get(set)?.set(elementText(element), element)
  }
  for (const veth of lingering) keep('veths', { key: [veth] })
  for (const family of [4, 6]) {
    for (const element of table.elements.get(`sources${family}`)?.values() ?? []) {
      const [veth, address] = element.key
      if (typeof veth !== 'string' || address === undefined || !lingering.has(veth)) continue
      // Its address may have gone to another container already.
      if (result.get(`containers${family}`)?.has(String(address))) continue
      keep(`sources${family}`, element)
      keep(`containers${family}`, { key: [address] })
      keep(`judged${family}`, { key: [address] })
    }
  }
  return result
}
