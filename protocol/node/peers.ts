import { compareHeadsOrNone } from '../heads.ts'
import { banMs, dialMsMax, farewellMs, helloMsMax, redialMsMin } from '../limits.ts'
import { gossipVersion } from '../messages.ts'
import { dialWanted, forget, movePeer, onDialFailed, peerOf, scheduleDial } from './dials.ts'
import { emptyListing, type Listing, listingIn, listingInBoth } from './listing.ts'
import { configOf, forksOf, isGreeted, type NodeState, type PeerState, type Turn } from './state.ts'
import { chooseNeighbours } from './topology.ts'

/**
 * Takes over who may connect from the head and the confirmed config. A host that the head removes
 * is sent that head and then dropped.
 */
export function refreshPeers(turn: Turn): void {
  const { node } = turn
  const listing = currentListing(node)
  const own = listing.byPeer.get(node.self.peerId) ?? null
  if (listing !== node.listing) {
    node.listing = listing
    node.neighbours = chooseNeighbours(node.self.peerId, listing)
    for (const [peerId, peer] of node.peers) {
      const place = listing.byPeer.get(peerId)
      if (place === undefined) letGo(turn, peerId, peer)
      else movePeer(node, peer, place)
    }
    for (const peerId of node.neighbours) peerOf(node, peerId)
    for (const peerId of node.leaving.keys()) {
      if (listing.byPeer.has(peerId)) node.leaving.delete(peerId)
    }
    // What a host said under a key that it has no longer would outlast what it says under its new
    // one.
    for (const [host, { record }] of node.statuses) {
      if (listing.byHost.get(host)?.peerId !== record.peer_id) node.statuses.delete(host)
    }
    admit(turn)
  }
  turn.effects.push({ kind: 'listen', place: own })
}

function currentListing(node: NodeState): Listing {
  const head = configOf(node.head)
  const confirmed = configOf(node.confirmed)
  if (head !== null && confirmed !== null && head !== confirmed)
    return listingInBoth(head, confirmed)
  const one = head ?? confirmed ?? configOf(node.previous)
  return one === null ? emptyListing : listingIn(one)
}

function letGo(turn: Turn, peerId: string, peer: PeerState): void {
  const { node } = turn
  node.peers.delete(peerId)
  node.fetching.delete(peerId)
  if (peer.phase === 'down' || peer.phase === 'dialling') return
  node.leaving.set(peerId, node.now + farewellMs)
  if (node.head !== null) turn.effects.push({ kind: 'announce', peers: [peerId], held: node.head })
}

/**
 * Peers that may connect: all listed but this host and those kept away, and those that are leaving.
 */
function admit(turn: Turn): void {
  const { node } = turn
  const kept: string[] = []
  for (const [peerId, peer] of node.peers) if (peer.bannedUntil > node.now) kept.push(peerId)
  const { byPeer } = node.listing
  turn.effects.push({
    kind: 'admit',
    listed: byPeer,
    but: new Set(kept),
    also: new Set(node.leaving.keys()),
  })
}

/** A gossip stream is open. The first thing said on it is a hello, each way. */
export function onPeerUp(turn: Turn, peerId: string): void {
  const { node } = turn
  const peer = peerOf(node, peerId)
  if (peer === undefined) {
    if (!node.leaving.has(peerId))
      turn.effects.push({ kind: 'drop', peer: peerId, reason: 'not listed' })
    return
  }
  peer.phase = 'up'
  peer.upAt = node.now
  peer.head = null
  peer.forks = []
  peer.asksRoots = false
  peer.fetchAt = 0
  turn.effects.push({
    kind: 'send',
    peer: peerId,
    message: {
      kind: 'hello',
      gossip: gossipVersion,
      cluster: node.clusterId,
      agent_version: node.self.agentVersion,
      head: node.head?.head ?? null,
    },
  })
}

/**
 * A connection is gone. A configured peer is redialled for ever; at once if it had been talking.
 */
export function onPeerDown(turn: Turn, peerId: string): void {
  const { node } = turn
  node.fetching.delete(peerId)
  node.leaving.delete(peerId)
  const peer = node.peers.get(peerId)
  if (peer === undefined) return
  if (peer.phase === 'greeted') peer.backoffMs = redialMsMin
  peer.phase = 'down'
  scheduleDial(node, peer)
  forget(node, peerId, peer)
}

/** Drops a peer that broke a rule, and neither dials nor admits it for a while. */
export function misbehaved(turn: Turn, peerId: string, reason: string): void {
  const { node } = turn
  const peer = node.peers.get(peerId)
  if (peer !== undefined) {
    peer.bannedUntil = node.now + banMs
    peer.phase = 'down'
    peer.head = null
    admit(turn)
  }
  node.fetching.delete(peerId)
  turn.effects.push({ kind: 'drop', peer: peerId, reason })
}

/**
 * Tells the head to all greeted neighbours that are not known to have it, but the one it came from.
 */
export function announceHead(turn: Turn, from: string | null): void {
  const { node } = turn
  const held = node.head
  if (held === null) return
  const peers: string[] = []
  for (const [peerId, peer] of node.peers) {
    const behind = compareHeadsOrNone(peer.head, held.head) < 0
    if (peerId !== from && isGreeted(peer) && behind) peers.push(peerId)
  }
  if (peers.length > 0) turn.effects.push({ kind: 'announce', peers, held })
}

/** Tells the other sides of a fork at the head's position to one peer, or to all. */
export function tellForks(turn: Turn, to: string | null): void {
  const { node } = turn
  const heads = forksOf(node).map((held) => held.head)
  if (heads.length === 0) return
  for (const [peerId, peer] of node.peers) {
    if (!isGreeted(peer) || (to !== null && to !== peerId)) continue
    turn.effects.push({ kind: 'send', peer: peerId, message: { kind: 'fork', heads } })
  }
}

/** Timed work on connections: farewells, silent newcomers, ends of bans, dials. */
export function tickPeers(turn: Turn): void {
  const { node } = turn
  let changed = false
  for (const [peerId, dropAt] of node.leaving) {
    if (dropAt > node.now) continue
    node.leaving.delete(peerId)
    turn.effects.push({ kind: 'drop', peer: peerId, reason: 'no longer listed' })
    changed = true
  }
  for (const [peerId, peer] of node.peers) {
    if (peer.bannedUntil > 0 && peer.bannedUntil <= node.now) {
      peer.bannedUntil = 0
      forget(node, peerId, peer)
      changed = true
    }
    if (peer.phase === 'up' && node.now - peer.upAt > helloMsMax) {
      turn.effects.push({ kind: 'drop', peer: peerId, reason: 'sent no hello' })
      peer.phase = 'down'
      scheduleDial(node, peer)
    }
    // The shell bounds every dial; this only catches an answer that was lost.
    if (peer.phase === 'dialling' && node.now - peer.dialAt > 4 * dialMsMax)
      onDialFailed(turn, peerId)
  }
  if (changed) admit(turn)
  dialWanted(turn)
}
