import { samePosition } from '../heads.ts'
import { adoptAtStart, onApplyReported } from './adopt.ts'
import { raiseAlarm } from './alarms.ts'
import { consider, onLinted, onVerified, raiseRootFork } from './candidates.ts'
import { onDialFailed } from './dials.ts'
import type { DurableStart, HeldConfig } from './durable.ts'
import type { Effect, Input } from './effects.ts'
import {
  fetchWanted,
  learnFloor,
  onFetched,
  onFetchFailed,
  onReceived,
  tickGossip,
} from './gossip.ts'
import { losesBranch } from './judge.ts'
import { misbehaved, onPeerDown, onPeerUp, tickPeers } from './peers.ts'
import { createNode, forksOf, type NodeState, type Turn } from './state.ts'
import { onStatusSigned, tickStatuses } from './statuses.ts'
import { raiseFork, raiseLostBranch } from './verdicts.ts'
import { decideNext, onPersisted, onPersistFailed } from './writes.ts'

/**
 * Starts a node from what its disk holds. Returns it with its first effects; `now` in ms since
 * 1970.
 */
export function startNode(
  durable: DurableStart,
  seed: number,
  now: number,
): { readonly node: NodeState; readonly effects: readonly Effect[] } {
  const node = createNode(durable, seed, now)
  const turn: Turn = { node, effects: [] }
  adoptAtStart(turn)
  raiseAtStart(turn)
  return { node, effects: turn.effects }
}

/** Troubles that outlive a restart, found again in what is on the disk. */
function raiseAtStart(turn: Turn): void {
  const { node } = turn
  for (const rival of node.rivals) raiseRootFork(turn, rival)
  for (const held of forksOf(node)) raiseFork(turn, held)
  for (const held of node.evidence.values()) {
    if (node.head !== null && isLeftOut(node, node.head, held))
      raiseLostBranch(turn, held, node.head)
  }
  const lost = [...node.self.damage.map((fault) => fault.message), ...missingFiles(node)]
  if (lost.length > 0) {
    raiseAlarm(turn, 'state-damaged', `${lost.join('; ')}; asking peers for what is missing`)
  }
  if (!node.floorKnown) {
    raiseAlarm(
      turn,
      'floor-unknown',
      'the file of the floor is missing; most peers must answer first',
    )
    learnFloor(turn)
  }
}

/**
 * True if the head is the one that left this evidence out. A later one that left nothing out has
 * settled it, and only the config before the head tells.
 */
function isLeftOut({ previous }: NodeState, head: HeldConfig, held: HeldConfig): boolean {
  if (samePosition(held.head, head.head) || !losesBranch(head, held)) return false
  const isOpen = previous === null || samePosition(previous.head, head.head)
  return isOpen || previous.head.digest === held.head.digest
}

/** Missing files whose existence the other files prove. */
function missingFiles({ head, confirmed, floor, floorKnown, self }: NodeState): readonly string[] {
  const isNamed = (path: string): boolean => self.damage.some((one) => one.message.startsWith(path))
  const isAbsent = (held: HeldConfig | null, path: string): boolean =>
    held === null && !isNamed(path)
  if (floorKnown) return floor !== null && isAbsent(head, 'head.json') ? ['head.json is gone'] : []
  const absent = [
    ...(isAbsent(head, 'head.json') ? ['head.json'] : []),
    ...(isAbsent(confirmed, 'confirmed.json') ? ['confirmed.json'] : []),
  ]
  return absent.length > 0 ? [`no ${absent.join(' and no ')} is there`] : []
}

/**
 * One step: an input changes the node and yields effects. No IO, no clock, no randomness but the
 * node's own seeded generator: the same node and input always give the same effects, in the same
 * order.
 */
export function step(node: NodeState, input: Input): readonly Effect[] {
  const turn: Turn = { node, effects: [] }
  take(turn, input)
  decideNext(turn)
  if (mayChangeWants(node, input)) fetchWanted(turn)
  return turn.effects
}

/**
 * Most of what is said is about statuses, which no document depends on; and time alone changes only
 * what may be asked for, not what is wanted.
 */
function mayChangeWants(node: NodeState, input: Input): boolean {
  if (input.kind === 'tick') return node.wantsMore
  if (input.kind === 'received') return ['hello', 'head', 'fork'].includes(input.message.kind)
  return input.kind !== 'status-signed' && input.kind !== 'apply-reported'
}

function take(turn: Turn, input: Input): void {
  switch (input.kind) {
    case 'tick':
      return onTick(turn, input.now)
    case 'peer-up':
      return onPeerUp(turn, input.peer)
    case 'peer-down':
      return onPeerDown(turn, input.peer)
    case 'dial-failed':
      return onDialFailed(turn, input.peer)
    case 'received':
      return onReceived(turn, input.peer, input.message, input.delivery)
    case 'misbehaved':
      return misbehaved(turn, input.peer, input.reason)
    case 'fetched':
      return onFetched(turn, input.peer, input.digest, input.delivery)
    case 'fetch-failed':
      return onFetchFailed(turn, input.peer, input.digest)
    case 'verified':
      return onVerified(turn, input.token, input.result)
    case 'linted':
      return onLinted(turn, input.token, input.faults, input.isolated)
    case 'persisted':
      return onPersisted(turn, input.token)
    case 'persist-failed':
      return onPersistFailed(turn, input.token, input.error)
    case 'injected':
      return consider(
        turn,
        { kind: 'request', request: input.request, options: input.options },
        input.delivery,
      )
    case 'apply-reported':
      return onApplyReported(turn, input.head, input.objects)
    case 'status-signed':
      return onStatusSigned(turn, input.record)
  }
}

function onTick(turn: Turn, now: number): void {
  const { node } = turn
  // The shell counts on a clock that only runs forward; this holds even if one day it does not.
  node.now = Math.max(node.now, now)
  tickPeers(turn)
  tickGossip(turn)
  tickStatuses(turn)
}
