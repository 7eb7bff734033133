import { type Address, parseAddress, parseCidr } from '../../addresses.ts'
import { setShapes } from '../rules/sets.ts'
import { spanOf } from './boxes.ts'
import { type Elements, keyOf, partsOf } from './elements.ts'
import type { ElementChange } from './table.ts'

/**
 * Sets of flows, in which ranges stand beside other parts of a key. The kernel takes a change of
 * these over as a whole, but a moment after the other changes of its transaction. All of them open.
 */
const lateSets: ReadonlySet<string> = new Set(
  setShapes.filter(({ key, ranges }) => ranges && key.length > 1).map(({ name }) => name),
)

/**
 * A change as transactions one after another, so that a flow which is admitted before and after it
 * is admitted at every moment between: first what more flows are open, then all else, then what is
 * open no more. In one transaction a packet could be judged by the new `restricted` and the old
 * `egress`, and dropped.
 *
 * Each end of a flow is judged by one of both states meanwhile. Where one change judges anew who
 * asks and who is asked on the same host, a flow may leave by the one state and come in by the
 * other for that moment, as between two hosts that apply a config one after the other.
 */
export function inPhases(change: ElementChange): readonly ElementChange[] {
  const { removed, added } = change
  const opening = { removed: new Map<string, ReadonlySet<string>>(), added: pick(added, true) }
  const closing = { removed: new Map<string, ReadonlySet<string>>(), added: new Map() }
  for (const [set, own] of pick(removed, true)) {
    const replaced = overlapping(set, own, added.get(set) ?? new Set())
    // The kernel takes no range that overlaps with one that is still there.
    put(opening.removed, set, replaced)
    put(closing.removed, set, new Set([...own].filter((element) => !replaced.has(element))))
  }
  const others = { removed: pick(removed, false), added: pick(added, false) }
  return [opening, others, closing].filter((each) => each.removed.size + each.added.size > 0)
}

function pick(elements: Elements, isLate: boolean): Elements {
  return new Map([...elements].filter(([set]) => lateSets.has(set) === isLate))
}

function put(to: Map<string, ReadonlySet<string>>, set: string, own: ReadonlySet<string>): void {
  if (own.size > 0) to.set(set, own)
}

/** Elements of a set that overlap with some of `others`. */
function overlapping(
  set: string,
  elements: ReadonlySet<string>,
  others: ReadonlySet<string>,
): ReadonlySet<string> {
  // A container stands in a flow by its one address: only flows of one container overlap.
  const own = set.startsWith('ingress') ? 1 : 0
  const placed = new Map<string, (readonly Span[])[]>()
  for (const element of others) {
    const at = partsOf(keyOf(element))[own] ?? ''
    const list = placed.get(at)
    if (list === undefined) placed.set(at, [spansOf(element)])
    else list.push(spansOf(element))
  }
  const found = [...elements].filter((element) => {
    const near = placed.get(partsOf(keyOf(element))[own] ?? '')
    if (near === undefined) return false
    const spans = spansOf(element)
    return near.some((other) => spans.every((span, index) => meet(span, other[index])))
  })
  return new Set(found)
}

interface Span {
  readonly first: bigint
  readonly last: bigint
}

function meet(a: Span, b: Span | undefined): boolean {
  return b !== undefined && a.first <= b.last && b.first <= a.last
}

function spansOf(element: string): readonly Span[] {
  return partsOf(keyOf(element)).map((part) => {
    const network = parseCidr(part)
    if (network !== undefined) return spanOf(network)
    const [first = '', last = first] = part.split('-')
    return { first: numberOf(first), last: numberOf(last) }
  })
}

function numberOf(text: string): bigint {
  const address: Address | undefined = parseAddress(text)
  return address?.bits ?? BigInt(text)
}
