import type { Fault } from '../../protocol/fault.ts'
import {
  type Cidr,
  cidrText,
  compareNetworks,
  contains,
  type Endpoint,
  hostNetwork,
  networkOf,
} from '../addresses.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { HostNetwork } from '../cluster/networks.ts'
import { type Claim, findOverlaps } from '../cluster/overlaps.ts'
import type { Subnet } from '../cluster/ranges.ts'
import { keepaliveSeconds } from '../limits.ts'
import type { NetworkObject, PeerSpec } from './spec.ts'

/** The link that peers are judged for. */
export interface LinkContext {
  readonly host: string
  /** Name of the `wireguard_network`. */
  readonly object: string
  readonly own: HostNetwork
  readonly network: NetworkObject
  readonly cluster: Cluster
}

/** A candidate for a peer of a link. */
export interface Candidate {
  /** The object of this host that asks for it. */
  readonly object: string
  readonly host: string | null
  /** True if a mesh asks for it, which holds many. */
  readonly isMesh: boolean
  readonly publicKey: string | null
  readonly endpoint: Endpoint | null
  /** Path of the endpoint in the config, for a fault. */
  readonly endpointPath: string
  readonly ranges: readonly Subnet[]
  readonly defaultRoute: boolean
  readonly keepaliveSeconds: number
  /** Its faults before others were compared. */
  readonly faults: readonly Fault[]
}

/** Seconds between keepalives towards another host, where the config names none. */
export function keepaliveDefault(context: LinkContext): number {
  // Nobody can dial a host without endpoint: it must keep its tunnels, and its NAT, open by itself.
  return context.network.endpoint === undefined ? keepaliveSeconds : 0
}

/** True if a range is all addresses there are. */
function isDefaultRoute(range: Cidr): boolean {
  return range.length === 0
}

/**
 * All faults of each candidate: its own, those of its ranges, and those that it has with others.
 */
export function judgeCandidates(
  context: LinkContext,
  candidates: readonly Candidate[],
): ReadonlyMap<Candidate, readonly Fault[]> {
  const faults = new Map<Candidate, Fault[]>()
  for (const candidate of candidates) {
    const own = candidate.ranges.flatMap((each) => rangeFault(context, candidate, each) ?? [])
    const inside = endpointFault(context, candidate)
    faults.set(candidate, [...candidate.faults, ...own, ...(inside === undefined ? [] : [inside])])
  }
  for (const { candidate, fault } of overlapFaults(candidates)) faults.get(candidate)?.push(fault)
  for (const { candidate, fault } of keyFaults(context, candidates)) {
    faults.get(candidate)?.push(fault)
  }
  return faults
}

function rangeFault(
  context: LinkContext,
  candidate: Candidate,
  { range, path }: Subnet,
): Fault | undefined {
  if (isDefaultRoute(range)) {
    if (candidate.defaultRoute) return undefined
    const message = 'a default route needs "default_route": true'
    return { code: 'default-route', message, path }
  }
  const cluster = networkOf(context.network.address)
  if (!contains(cluster, range)) {
    const message = `${cidrText(range)} is outside the link's range ${cidrText(cluster)}`
    return { code: 'outside-range', message, path }
  }
  const own = [
    hostNetwork(context.network.address),
    ...context.own.subnets.map((each) => each.range),
  ]
  // A peer may lead to a range in which this host has its place, as a hub does. What another host
  // has for itself must not hold anything of this one.
  const taken = own.find(
    (each) => contains(each, range) || (candidate.isMesh && contains(range, each)),
  )
  if (taken === undefined) return undefined
  return { code: 'own-network', message: `${cidrText(taken)} is this host's own`, path }
}

/** The encrypted packets of a tunnel cannot go through that tunnel. */
function endpointFault(context: LinkContext, candidate: Candidate): Fault | undefined {
  const address = candidate.endpoint?.address
  if (!address || !contains(networkOf(context.network.address), hostNetwork(address))) {
    return undefined
  }
  const message = "lies in the link's own range, so it cannot be reached from outside"
  return { code: 'endpoint-inside', message, path: candidate.endpointPath }
}

interface CandidateFault {
  readonly candidate: Candidate
  readonly fault: Fault
}

/** The kernel would move a network silently from one peer to the other, so neither may have it. */
function overlapFaults(candidates: readonly Candidate[]): readonly CandidateFault[] {
  const claims: Claim<Candidate>[] = candidates.flatMap((owner) =>
    owner.ranges.map(({ range, path }) => ({ owner, range, path })),
  )
  return findOverlaps(claims).flatMap(({ first, second }) => {
    const pair = [
      { mine: first, other: second },
      { mine: second, other: first },
    ]
    return pair.flatMap(({ mine, other }) => {
      // What a host has is not at fault if an explicit peer reaches for it.
      if (mine.owner.isMesh && !other.owner.isMesh) return []
      const name = other.owner.isMesh ? `host ${other.owner.host}` : `peer ${other.owner.object}`
      const message = `${cidrText(mine.range)} overlaps with ${cidrText(other.range)} of ${name}`
      return [{ candidate: mine.owner, fault: { code: 'overlap', message, path: mine.path } }]
    })
  })
}

/** A link knows its peers by their keys. */
function keyFaults(
  context: LinkContext,
  candidates: readonly Candidate[],
): readonly CandidateFault[] {
  const owners = new Map<string, Candidate>()
  const found: CandidateFault[] = []
  for (const candidate of candidates) {
    const { publicKey } = candidate
    if (publicKey === null) continue
    const field = candidate.host === null ? 'public_key' : 'host'
    const path = candidate.isMesh
      ? `hosts.${candidate.host}.${context.object}.public_key`
      : `hosts.${context.host}.${candidate.object}.${field}`
    const known = owners.get(publicKey)
    if (publicKey === context.network.public_key) {
      found.push({ candidate, fault: { code: 'own-key', message: "is this link's own key", path } })
    } else if (known !== undefined) {
      const name = known.isMesh ? `host ${known.host}` : `peer ${known.object}`
      const message = `is also the key of ${name}`
      found.push({ candidate, fault: { code: 'key-repeated', message, path } })
    } else owners.set(publicKey, candidate)
  }
  return found
}

/** The peer that a sound candidate with a key becomes. */
export function peerOf(candidate: Candidate, publicKey: string): PeerSpec {
  const ranges = candidate.ranges.map((each) => each.range).sort(compareNetworks)
  const allowedIps = ranges.filter((range, index) => {
    const before = ranges[index - 1]
    return before === undefined || compareNetworks(before, range) !== 0
  })
  const { object, host, endpoint, keepaliveSeconds: seconds } = candidate
  return { object, host, publicKey, allowedIps, endpoint, keepaliveSeconds: seconds }
}
