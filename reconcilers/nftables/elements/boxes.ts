import { type Address, type Cidr, compareNetworks, contains, widthOf } from '../../addresses.ts'
import type { PortRange } from '../flows/flow-end.ts'

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

/** The flows that one rule admits; all ports of all protocols if `ports` is absent. */
export interface Admission {
  readonly network: Cidr
  readonly ports: readonly PortRange[] | undefined
}

const everything: readonly Side[] = [
  { protocols: { first: 0, last: 255 }, ports: { first: 0, last: 65535 } },
]
const tcp = 6
const udp = 17
/** ICMP, and ICMPv6 for the other family (IANA, Protocol Numbers). */
const icmp: Readonly<Record<Address['family'], number>> = { 4: 1, 6: 58 }

/** First and last address of a network. */
export function spanOf(network: Cidr): Span<bigint> {
  const free = widthOf(network.family) - network.length
  if (free === 0) return { first: network.bits, last: network.bits }
  const shift = BigInt(free)
  const first = (network.bits >> shift) << shift
  return { first, last: first + (1n << shift) - 1n }
}

/** All that is admitted for one network, whatever the number of rules that say so. */
interface Group {
  readonly network: Cidr
  readonly admissions: Admission[]
}

/**
 * The admissions of one family as boxes of which no two overlap: the kernel refuses a set of ranges
 * in which two overlap. Linear in the admissions where their networks do not overlap. What admits
 * one network more leaves the boxes of those that it does not overlap as they are, so that flows
 * through them never notice.
 */
export function disjointBoxes(
  family: Address['family'],
  admissions: readonly Admission[],
): readonly Box[] {
  const groups = groupsOf(family, admissions)
  const width = widthOf(family)
  // Single addresses, by far the most, cannot overlap.
  if (groups.every(({ network }) => network.length === width)) {
    return groups.flatMap((group) => boxesOf(family, group))
  }
  const sorted = [...groups].sort((a, b) => compareNetworks(a.network, b.network))
  return clustersOf(sorted).flatMap(([widest, ...within]) => {
    if (widest === undefined) return []
    return within.length === 0 ? boxesOf(family, widest) : sweep(family, [widest, ...within])
  })
}

function groupsOf(family: Address['family'], admissions: readonly Admission[]): readonly Group[] {
  const width = widthOf(family)
  const single = new Map<bigint, Group>()
  const wide = new Map<string, Group>()
  const put = <K>(groups: Map<K, Group>, key: K, admission: Admission): void => {
    const group = groups.get(key)
    if (group === undefined) {
      groups.set(key, { network: admission.network, admissions: [admission] })
    } else group.admissions.push(admission)
  }
  for (const admission of admissions) {
    const { bits, length, family: own } = admission.network
    if (own !== family) continue
    if (length === width) put(single, bits, admission)
    else put(wide, `${bits}/${length}`, admission)
  }
  return [...single.values(), ...wide.values()]
}

/** Two networks overlap only where one holds the other, and then the wider one begins first. */
function clustersOf(sorted: readonly Group[]): readonly (readonly Group[])[] {
  const clusters: Group[][] = []
  for (const group of sorted) {
    const open = clusters.at(-1)
    const widest = open?.[0]?.network
    if (open !== undefined && widest !== undefined && contains(widest, group.network)) {
      open.push(group)
    } else clusters.push([group])
  }
  return clusters
}

function boxesOf(family: Address['family'], { network, admissions }: Group): readonly Box[] {
  const addresses = spanOf(network)
  return sidesOf(family, admissions).map((side) => ({ addresses, ...side }))
}

/** Goes through the places where a network begins or ends, and boxes what lies between. */
function sweep(family: Address['family'], cluster: readonly Group[]): readonly Box[] {
  const edges = new Map<bigint, { readonly starts: Group[]; readonly ends: Group[] }>()
  const edge = (at: bigint): { readonly starts: Group[]; readonly ends: Group[] } => {
    const known = edges.get(at) ?? { starts: [], ends: [] }
    edges.set(at, known)
    return known
  }
  for (const group of cluster) {
    const { first, last } = spanOf(group.network)
    edge(first).starts.push(group)
    edge(last + 1n).ends.push(group)
  }
  const places = [...edges.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const active = new Set<Group>()
  const segments: { addresses: Span<bigint>; sides: readonly Side[] }[] = []
  for (const [index, place] of places.entries()) {
    for (const ended of edge(place).ends) active.delete(ended)
    for (const started of edge(place).starts) active.add(started)
    const next = places[index + 1]
    if (next === undefined || active.size === 0) continue
    const admissions = [...active].flatMap((group) => group.admissions)
    append(segments, { first: place, last: next - 1n }, sidesOf(family, admissions))
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

/** The union of several admissions. */
function sidesOf(family: Address['family'], active: readonly Admission[]): readonly Side[] {
  const [only] = active
  const [range] = only?.ports ?? []
  if (active.length === 1 && only?.ports?.length === 1 && range !== undefined) {
    return [sideOf(family, range)]
  }
  const byProtocol = new Map<number, Span<number>[]>()
  for (const { ports } of active) {
    if (ports === undefined) return everything
    for (const { protocol, first, last } of ports) {
      const number = numberOf(family, protocol)
      const spans = byProtocol.get(number)
      if (spans === undefined) byProtocol.set(number, [{ first, last }])
      else spans.push({ first, last })
    }
  }
  return [...byProtocol]
    .sort(([a], [b]) => a - b)
    .flatMap(([number, spans]) => {
      const protocols = { first: number, last: number }
      return union(spans).map((ports) => ({ protocols, ports }))
    })
}

function numberOf(family: Address['family'], protocol: PortRange['protocol']): number {
  return protocol === 'icmp' ? icmp[family] : protocol === 'tcp' ? tcp : udp
}

function sideOf(family: Address['family'], { protocol, first, last }: PortRange): Side {
  const number = numberOf(family, protocol)
  return { protocols: { first: number, last: number }, ports: { first, last } }
}

/** Spans that neither overlap nor touch, in order. */
function union(spans: readonly Span<number>[]): readonly Span<number>[] {
  if (spans.length === 1) return spans
  const merged: Span<number>[] = []
  for (const span of [...spans].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1)
    if (before === undefined || span.first > before.last + 1) merged.push(span)
    else if (span.last > before.last) {
      merged[merged.length - 1] = { first: before.first, last: span.last }
    }
  }
  return merged
}

/** Networks without those that lie in another of them, ordered. */
export function widestOf(networks: readonly Cidr[]): readonly Cidr[] {
  const widest: Cidr[] = []
  for (const network of [...networks].sort(compareNetworks)) {
    const before = widest.at(-1)
    if (before === undefined || !contains(before, network)) widest.push(network)
  }
  return widest
}
