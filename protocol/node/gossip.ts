import { compareHeadsOrNone, type Head, samePosition } from '../heads.ts'
import {
  exchangeJitter,
  exchangeMs,
  fetchesMax,
  fetchRetryMs,
  isolatedRounds,
  redialMsMin,
} from '../limits.ts'
import type { Delivery, Hello, Message } from '../messages.ts'
import { clearAlarm, raiseAlarm } from './alarms.ts'
import { consider } from './candidates.ts'
import { misbehaved, tellForks } from './peers.ts'
import { jittered } from './random.ts'
import { isGreeted, type NodeState, type PeerState, type Turn } from './state.ts'
import { greetWithStatus, onStatusMessage, sendStatusWindow } from './statuses.ts'

/** A message of a peer. A frame from a peer that is not listed any more is passed over. */
export function onReceived(
  turn: Turn,
  peerId: string,
  message: Message,
  delivery: Delivery | null,
): void {
  const { node } = turn
  const peer = node.peers.get(peerId)
  if (peer === undefined || peer.phase === 'down' || peer.phase === 'dialling') return
  peer.heardAt = node.now
  if (message.kind === 'hello') return onHello(turn, peerId, peer, message)
  if (peer.phase !== 'greeted') return misbehaved(turn, peerId, 'spoke before its hello')
  clearAlarm(turn, 'isolated')
  if (message.kind === 'head') return onHead(turn, peerId, peer, message.head, delivery)
  if (message.kind === 'unknown') return
  if (message.kind === 'fork') {
    peer.forks = message.heads
    return
  }
  onStatusMessage(turn, peerId, message)
}

function onHello(turn: Turn, peerId: string, peer: PeerState, hello: Hello): void {
  const { node } = turn
  if (hello.cluster !== node.clusterId) {
    raiseAlarm(turn, 'other-cluster', 'a peer belongs to another cluster', peer.place.host)
    return misbehaved(turn, peerId, 'belongs to another cluster')
  }
  clearAlarm(turn, 'isolated')
  // A later one is news of a head, not a greeting: it is not answered with all that is known.
  if (peer.phase === 'greeted') return onHead(turn, peerId, peer, hello.head, null)
  peer.phase = 'greeted'
  peer.backoffMs = redialMsMin
  peer.exchangeAt = node.now + jittered(node.random, exchangeMs, exchangeJitter)
  node.answered.add(peerId)
  learnFloor(turn)
  greetWithStatus(turn, peerId)
  tellForks(turn, peerId)
  onHead(turn, peerId, peer, hello.head, null)
}

function onHead(
  turn: Turn,
  peerId: string,
  peer: PeerState,
  head: PeerState['head'],
  delivery: Delivery | null,
): void {
  const { node } = turn
  peer.head = head
  peer.fetchAt = 0
  if (head !== null && delivery !== null && isWanted(node, head)) {
    const source = { kind: 'peer', peer: peerId, digest: head.digest, withRoots: false } as const
    if (head.epoch <= node.roots.length && !peer.asksRoots) consider(turn, source, delivery)
    return
  }
  if (node.head !== null && compareHeadsOrNone(head, node.head.head) < 0) {
    turn.effects.push({ kind: 'announce', peers: [peerId], held: node.head })
  }
}

/** With the floor lost, a majority of the configured peers says what must not be undercut. */
export function learnFloor(turn: Turn): void {
  const { node } = turn
  if (node.floorKnown) return
  const others = [...node.listing.byPeer.keys()].filter((peerId) => peerId !== node.self.peerId)
  const answered = others.filter((peerId) => node.answered.has(peerId)).length
  if (answered * 2 <= others.length && others.length > 0) return
  node.floorKnown = true
  node.floorToWrite = node.floor !== null
  node.statusWanted = true
  clearAlarm(turn, 'floor-unknown')
}

/**
 * A head above the own one; or the other side of a fork, which is evidence whichever side is in
 * force.
 */
function isWanted(node: NodeState, head: NonNullable<PeerState['head']>): boolean {
  if (compareHeadsOrNone(head, node.head?.head ?? null) > 0) return true
  const own = node.head?.head
  if (own === undefined || own.digest === head.digest || !samePosition(own, head)) return false
  return !node.evidence.has(head.digest)
}

/** Digests of documents that are being judged or written. */
function underWay(node: NodeState): Set<string> {
  const digests = new Set<string>()
  for (const candidate of [...node.judging.values(), ...node.decided]) {
    if (candidate.source.kind === 'peer') digests.add(candidate.source.digest)
  }
  const write = node.writing?.pending.write
  for (const held of [write?.head, write?.evidence]) if (held) digests.add(held.head.digest)
  return digests
}

/** Digests of documents that are being fetched, judged or written. */
function onTheirWay(node: NodeState): Set<string> {
  const digests = underWay(node)
  for (const { digest } of node.fetching.values()) digests.add(digest)
  return digests
}

/** Heads that a peer has said it holds. */
function offersOf({ head, forks }: PeerState): readonly Head[] {
  return head === null ? forks : [head, ...forks]
}

/** True if a peer holds anything that is wanted; nearly always it holds the very same head. */
function offersWanted(node: NodeState, { head, forks }: PeerState): boolean {
  return (head !== null && isWanted(node, head)) || forks.some((one) => isWanted(node, one))
}

/**
 * True if a document that rides with an announcement is worth unpacking: in a well-connected
 * overlay most copies come when the first one is already being judged.
 */
export function wantsDocument(node: NodeState, head: NonNullable<PeerState['head']>): boolean {
  const isNew = isWanted(node, head) && !underWay(node).has(head.digest)
  // One of a later epoch comes with the roots between, which do not ride along.
  return isNew && head.epoch <= node.roots.length && node.storeAt <= node.now
}

/**
 * Asks for what is wanted. A body crosses the wire once: a digest that is being fetched or judged
 * is not asked for again, unless the first announcer fails. What is wanted follows from what peers
 * last said, so there is no list that could grow or grow stale. Leaves word whether time alone may
 * change what there is to ask for.
 */
export function fetchWanted(turn: Turn): void {
  const { node } = turn
  node.wantsMore = node.storeAt > node.now || !node.floorKnown
  if (node.wantsMore) return
  let busy: Set<string> | undefined
  for (const [peerId, peer] of node.peers) {
    if (!isGreeted(peer) || !offersWanted(node, peer)) continue
    node.wantsMore = true
    if (node.fetching.size >= fetchesMax) return
    if (node.fetching.has(peerId) || peer.fetchAt > node.now) continue
    const known = busy ?? onTheirWay(node)
    busy = known
    const head = offersOf(peer).find((one) => !known.has(one.digest) && isWanted(node, one))
    if (head === undefined) continue
    known.add(head.digest)
    node.fetching.set(peerId, { digest: head.digest, withRoots: peer.asksRoots })
    const held = node.roots.length
    const epoch = peer.asksRoots ? Math.min(held, head.epoch - 1) : held
    turn.effects.push({ kind: 'fetch', peer: peerId, digest: head.digest, epoch })
  }
}

/** A peer has answered a fetch, perhaps that it holds no such document any more. */
export function onFetched(
  turn: Turn,
  peerId: string,
  digest: string,
  delivery: Delivery | null,
): void {
  const { node } = turn
  const fetching = node.fetching.get(peerId)
  if (fetching?.digest !== digest) return
  node.fetching.delete(peerId)
  const peer = node.peers.get(peerId)
  if (peer === undefined) return
  if (delivery === null) peer.fetchAt = node.now + fetchRetryMs
  else consider(turn, { kind: 'peer', peer: peerId, ...fetching }, delivery)
}

/** A fetch ran out of time or its stream broke; the next announcer is asked. */
export function onFetchFailed(turn: Turn, peerId: string, digest: string): void {
  const { node } = turn
  const fetching = node.fetching.get(peerId)
  if (fetching?.digest !== digest) return
  node.fetching.delete(peerId)
  const peer = node.peers.get(peerId)
  if (peer !== undefined) peer.fetchAt = node.now + fetchRetryMs
}

/** The periodic exchange on which correctness rests, and the alarm for a node that hears nobody. */
export function tickGossip(turn: Turn): void {
  const { node } = turn
  let heardAt = node.startedAt
  for (const [peerId, peer] of node.peers) {
    heardAt = Math.max(heardAt, peer.heardAt)
    if (!isGreeted(peer) || peer.exchangeAt > node.now) continue
    peer.exchangeAt = node.now + jittered(node.random, exchangeMs, exchangeJitter)
    const head = node.head?.head ?? null
    turn.effects.push({ kind: 'send', peer: peerId, message: { kind: 'head', head } })
    sendStatusWindow(turn, peerId)
    tellForks(turn, peerId)
  }
  const silentMs = node.now - heardAt
  if (node.neighbours.size > 0 && silentMs > isolatedRounds * exchangeMs) {
    raiseAlarm(
      turn,
      'isolated',
      'no peer has answered for three rounds; this host continues with what it has',
    )
  }
}
