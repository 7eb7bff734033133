import { isObject } from '../documents/canonical-json.ts'
import type { Head } from '../heads.ts'
import type { HostState, ObjectCounts } from '../status-record.ts'
import type { Alarm, ObjectReport } from './effects.ts'
import { configOf, isGreeted, type NodeState } from './state.ts'

/** Output of `covey status --json` and `GET /v1/status`; scripts depend on its shape. */
export interface StatusView {
  readonly host: string
  readonly cluster: string
  readonly cluster_id: string
  readonly agent_version: string
  readonly head: Head | null
  readonly applied: Head | null
  readonly confirmed: Head | null
  readonly failed: (Head & { readonly reason: string }) | null
  readonly state: HostState
  readonly objects: readonly ObjectReport[]
  readonly peers: readonly {
    readonly host: string
    readonly peer_id: string
    readonly connected: boolean
    readonly head: Head | null
  }[]
  readonly hosts: readonly {
    readonly host: string
    /** `unknown` until a record of that host has arrived. */
    readonly state: HostState | 'unknown'
    readonly head: Head | null
    readonly applied: Head | null
    readonly objects: ObjectCounts
    /** Since its newest record came, by this host's clock; null where none has. */
    readonly age_seconds: number | null
  }[]
  readonly alarms: readonly Alarm[]
}

/** State of this host towards its head, in one word. */
export function hostState(node: NodeState): HostState {
  if (!node.floorKnown) return 'floor-unknown'
  if (node.head === null && node.adopted === null) return 'not-listed'
  if (node.head !== null) {
    const config = configOf(node.head)
    if (config === null) return 'unappliable'
    if (!Object.hasOwn(config.hosts, node.self.host)) return 'not-listed'
    if (!isObject(config.hosts[node.self.host])) return 'unappliable'
  }
  if (node.adopted === null || node.applied?.digest !== node.adopted.head.digest) return 'applying'
  // Nothing is known of the objects until the first round after a start has looked at them.
  if (!node.observed) return 'applying'
  return node.objects.every((object) => object.state === 'converged') ? 'in-sync' : 'degraded'
}

/** This host's objects, counted by state. */
export function countObjects(node: NodeState): ObjectCounts {
  const counts = { converged: 0, pending: 0, failed: 0, unsupported: 0 }
  for (const object of node.objects) counts[object.state]++
  return counts
}

/** Everything a person may want to know of a node, from the node alone. */
export function statusView(node: NodeState): StatusView {
  const { self } = node
  return {
    host: self.host,
    cluster: node.roots[0]?.root.cluster ?? '',
    cluster_id: node.clusterId,
    agent_version: self.agentVersion,
    head: node.head?.head ?? null,
    applied: node.applied,
    confirmed: node.confirmed?.head ?? null,
    failed: null,
    state: hostState(node),
    objects: node.objects,
    peers: peersView(node),
    hosts: hostsView(node),
    alarms: [...node.alarms.values()],
  }
}

function peersView(node: NodeState): StatusView['peers'] {
  const others = node.listing.places.filter((place) => place.peerId !== node.self.peerId)
  return others.map(({ host, peerId }) => {
    const peer = node.peers.get(peerId)
    const connected = isGreeted(peer)
    return { host, peer_id: peerId, connected, head: connected ? peer.head : null }
  })
}

function hostsView(node: NodeState): StatusView['hosts'] {
  const config = configOf(node.head) ?? configOf(node.confirmed)
  const hosts = config === null ? [] : Object.keys(config.hosts)
  return hosts.sort().map((host) => {
    if (host === node.self.host) {
      const head = node.head?.head ?? null
      const objects = countObjects(node)
      return { host, state: hostState(node), head, applied: node.applied, objects, age_seconds: 0 }
    }
    const known = node.statuses.get(host)
    if (known === undefined) {
      const objects = { converged: 0, pending: 0, failed: 0, unsupported: 0 }
      return { host, state: 'unknown', head: null, applied: null, objects, age_seconds: null }
    }
    const { state, head, applied, objects } = known.record
    const age = Math.max(0, Math.round((node.now - known.heardAt) / 1000))
    return { host, state, head, applied, objects, age_seconds: age }
  })
}
