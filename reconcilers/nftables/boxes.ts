import { type Address, type Cidr, widthOf } from '../addresses.ts'
import type { PortRange } from './words.ts'

/** A run of numbers, both ends included. */
export interface Span<T extends number | bigint> {
  readonly first: T
  readonly last: T
}

/** Some addresses, some protocols and some ports: what one element of a set stands for. */
export interface Box {
  readonly addresses: Span<bigint>
  readonly protocols: Span<number>
  readonly ports: Span<number>
}

/** What one rule admits; all ports of all protocols where `ports` is absent. */
export interface Admission {
  readonly network: Cidr
  readonly ports: readonly PortRange[] | undefined
}

const everyProtocol: Span<number> = { first: 0, last: 255 }
const everyPort: Span<number> = { first: 0, last: 65535 }
const tcp = 6
const udp = 17
/** ICMP, and ICMPv6 for the other family (IANA, Protocol Numbers). */
const icmp: Readonly<Record<Address['family'], number>> = { 4: 1, 6: 58 }

/** First and last address of a network. */
export function spanOf(network: Cidr): Span<bigint> {
  const shift = BigInt(widthOf(network.family) - network.length)
  const first = (network.bits >> shift) << shift
  return { first, last: first + (1n << shift) - 1n }
}

/**
 * The admissions of one family as boxes of which no two overlap, ordered by address: the kernel
 * refuses a set of ranges in which two overlap. Linear in the admissions where their networks do
 * not overlap.
 */
export function disjointBoxes(
  family: Address['family'],
  admissions: readonly Admission[],
): readonly Box[] {
  const edges = new Map<bigint, { readonly starts: Admission[]; readonly ends: Admission[] }>()
  const edge = (at: bigint): { readonly starts: Admission[]; readonly ends: Admission[] } => {
    const known = edges.get(at) ?? { starts: [], ends: [] }
    edges.set(at, known)
    return known
  }
  for (const admission of admissions) {
    if (admission.network.family !== family) continue
    const { first, last } = spanOf(admission.network)
    edge(first).starts.push(admission)
    edge(last + 1n).ends.push(admission)
  }
  const places = [...edges.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const active = new Set<Admission>()
  const segments: { addresses: Span<bigint>; sides: readonly Side[] }[] = []
  for (const [index, place] of places.entries()) {
    for (const ended of edge(place).ends) active.delete(ended)
    for (const started of edge(place).starts) active.add(started)
    const next = places[index + 1]
    if (next === undefined || active.size === 0) continue
    append(segments, { first: place, last: next - 1n }, sidesOf(family, active))
  }
  return segments.flatMap(({ addresses, sides }) => sides.map((side) => ({ addresses, ...side })))
}

type Side = Pick<Box, 'protocols' | 'ports'>

/** Neighbours that admit the same become one. */
function append(
  segments: { addresses: Span<bigint>; sides: readonly Side[] }[],
  addresses: Span<bigint>,
  sides: readonly Side[],
): void {
  const before = segments.at(-1)
  const touches = before !== undefined && before.addresses.last + 1n === addresses.first
  if (touches && JSON.stringify(before.sides) === JSON.stringify(sides)) {
    before.addresses = { first: before.addresses.first, last: addresses.last }
  } else segments.push({ addresses, sides })
}

/** What several admissions admit together. */
function sidesOf(family: Address['family'], active: ReadonlySet<Admission>): readonly Side[] {
  const byProtocol = new Map<number, Span<number>[]>()
  for (const { ports } of active) {
    if (ports === undefined) return [{ protocols: everyProtocol, ports: everyPort }]
    for (const { protocol, first, last } of ports) {
      const number = protocol === 'icmp' ? icmp[family] : protocol === 'tcp' ? tcp : udp
      byProtocol.set(number, [...(byProtocol.get(number) ?? []), { first, last }])
    }
  }
  return [...byProtocol]
    .sort(([a], [b]) => a - b)
    .flatMap(([number, spans]) =>
      union(spans).map((ports) => ({ protocols: { first: number, last: number }, ports })),
    )
}

/** Spans that neither overlap nor touch, in order. */
export function union<T extends number | bigint>(spans: readonly Span<T>[]): readonly Span<T>[] {
  const sorted = [...spans].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const merged: Span<T>[] = []
  for (const span of sorted) {
    const before = merged.at(-1)
    // Numbers and bigints compare with each other, and add only with their own kind.
    if (before === undefined || BigInt(span.first) > BigInt(before.last) + 1n) merged.push(span)
    else if (span.last > before.last) {
      merged[merged.length - 1] = { first: before.first, last: span.last }
    }
  }
  return merged
}
