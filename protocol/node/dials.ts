import type { PeerPlace } from '../documents/agent-object.ts'
import {
  dialsMax,
  fullMeshHostsMax,
  randomDialMs,
  redialMsMax,
  redialPathlessMsMax,
} from '../limits.ts'
import { nextRandom } from './random.ts'
import { isGreeted, type NodeState, newPeer, type PeerState, type Turn } from './state.ts'
import { chooseNeighbours } from './topology.ts'

/** State of a listed peer, made if absent; undefined for one that is not listed. */
export function peerOf(node: NodeState, peerId: string): PeerState | undefined {
  const known = node.peers.get(peerId)
  const place = node.listing.byPeer.get(peerId)
  if (known !== undefined || place === undefined || peerId === node.self.peerId) return known
  const peer = newPeer(place, node.now)
  node.peers.set(peerId, peer)
  return peer
}

/** Forgets a peer that nothing is wanted of; whoever is listed can come back any time. */
export function forget(node: NodeState, peerId: string, peer: PeerState): void {
  const isIdle = peer.phase === 'down' && peer.bannedUntil <= node.now
  if (isIdle && !node.neighbours.has(peerId)) node.peers.delete(peerId)
}

/** A dial came to nothing. */
export function onDialFailed(turn: Turn, peerId: string): void {
  const peer = turn.node.peers.get(peerId)
  if (peer?.phase !== 'dialling') return
  peer.phase = 'down'
  scheduleDial(turn.node, peer)
  forget(turn.node, peerId, peer)
}

/**
 * Waits between half the backoff and all of it ("equal jitter"), then doubles it up to its bound,
 * so that a heal finds everyone dialling soon and nobody dialling at once.
 */
export function scheduleDial(node: NodeState, peer: PeerState): void {
  peer.dialAt = node.now + peer.backoffMs * (0.5 + nextRandom(node.random) / 2)
  const most = hasPath(node, peer) ? redialMsMax : redialPathlessMsMax
  peer.backoffMs = Math.min(most, peer.backoffMs * 2)
}

/**
 * True if a tunnel to a peer is to be expected: one of the two has an endpoint, or they have talked
 * since the start, over a tunnel of their own or in one network.
 */
function hasPath(node: NodeState, { place, upAt }: PeerState): boolean {
  const own = node.listing.byPeer.get(node.self.peerId)
  return own === undefined || own.hasEndpoint || place.hasEndpoint || upAt > 0
}

/** A config that changes who is listed may open a path, so no peer waits longer than usual. */
export function movePeer(node: NodeState, peer: PeerState, place: PeerPlace): void {
  peer.place = place
  if (peer.dialAt - node.now <= redialMsMax) return
  peer.backoffMs = redialMsMax
  scheduleDial(node, peer)
}

/**
 * Dials neighbours, and further listed peers while there are fewer live connections than
 * neighbours.
 */
export function dialWanted(turn: Turn): void {
  const { node } = turn
  let dialling = 0
  let live = 0
  for (const peer of node.peers.values()) {
    if (peer.phase === 'dialling') dialling++
    if (isGreeted(peer)) live++
  }
  chooseRandomPeer(turn, live)
  for (const [peerId, peer] of node.peers) {
    if (dialling >= dialsMax) return
    if (!mayDial(node, peer) || !(node.neighbours.has(peerId) || node.randomPeer === peerId))
      continue
    dialling++
    dial(turn, peer)
  }
  const missing = Math.min(node.neighbours.size - live, dialsMax) - dialling
  for (let one = 0; one < missing; one++) {
    const peer = peerOf(node, randomListed(node))
    if (peer !== undefined && mayDial(node, peer)) dial(turn, peer)
  }
}

function mayDial(node: NodeState, peer: PeerState): boolean {
  return peer.phase === 'down' && peer.dialAt <= node.now && peer.bannedUntil <= node.now
}

/**
 * A listed peer, at random; one that can be dialled from anywhere where this host cannot be.
 */
function randomListed(node: NodeState): string {
  const { places, open, byPeer } = node.listing
  const isClosed = byPeer.get(node.self.peerId)?.hasEndpoint === false
  const among = isClosed && open.length > 0 ? open : places
  return among[Math.floor(nextRandom(node.random) * among.length)]?.peerId ?? ''
}

/** Above the full mesh, one random link a minute joins what a cut of chords might have parted. */
function chooseRandomPeer(turn: Turn, live: number): void {
  const { node } = turn
  if (node.listing.places.length <= fullMeshHostsMax || node.now < node.randomDialAt) return
  node.randomDialAt = node.now + randomDialMs * (0.5 + nextRandom(node.random))
  const before = node.randomPeer
  const isSpare = before !== null && !areNeighbours(node, before) && live > node.neighbours.size
  if (isSpare && isGreeted(node.peers.get(before))) {
    turn.effects.push({ kind: 'drop', peer: before, reason: 'the random link moves on' })
  }
  const chosen = randomListed(node)
  node.randomPeer = node.neighbours.has(chosen) ? null : chosen
  if (node.randomPeer !== null) peerOf(node, node.randomPeer)
}

/** True if this host keeps a connection to a peer, or that one to this host. */
function areNeighbours({ neighbours, listing, self }: NodeState, peerId: string): boolean {
  return neighbours.has(peerId) || chooseNeighbours(peerId, listing).has(self.peerId)
}

function dial(turn: Turn, peer: PeerState): void {
  peer.phase = 'dialling'
  peer.dialAt = turn.node.now
  turn.effects.push({ kind: 'dial', place: peer.place })
}
