import type { Fault } from '../fault.ts'
import { headText } from '../heads.ts'
import { evidenceMax, storeRetryMs } from '../limits.ts'
import { adoptHead } from './adopt.ts'
import { clearAlarm, raiseAlarm } from './alarms.ts'
import { raiseRootFork } from './candidates.ts'
import type { DurableWrite, HeldConfig, HeldRoot } from './durable.ts'
import { losesBranch, standingOf } from './judge.ts'
import { announceHead, refreshPeers, tellForks } from './peers.ts'
import { type Candidate, forksOf, type NodeState, type Turn } from './state.ts'
import { answer, answerFork, raiseFork, raiseLostBranch, refuse } from './verdicts.ts'

/**
 * Takes decisions until one has to be written, or none is left. One at a time, each on a head that
 * is durable, so that the order on disk is the order of decisions.
 */
export function decideNext(turn: Turn): void {
  const { node } = turn
  while (node.writing === null) {
    const candidate = node.decided.shift()
    if (candidate === undefined) break
    if (candidate.held !== null) decide(turn, candidate, candidate.held)
  }
  writeRest(turn)
}

function decide(turn: Turn, candidate: Candidate, held: HeldConfig): void {
  const { node } = turn
  const standing = standingOf(held.head, node.head?.head ?? null, node.floor)
  if (standing === 'same')
    return answer(turn, candidate.source, 'already-head', 'this host holds it already')
  if (standing === 'older') return answer(turn, candidate.source, 'older', olderMessage(turn, held))
  if (!node.floorKnown) return refuse(turn, candidate.source, floorUnknown)
  if (standing === 'fork-loses') return keepLoser(turn, candidate, held)
  const chain = candidate.chain.filter((root) => root.root.epoch > node.roots.length)
  // Another delivery may have brought another root of that number meanwhile; it is judged again
  // then.
  if (!continues(node.roots, chain, candidate.chain))
    return refuse(turn, candidate.source, overtaken)
  const previous = node.head
  const keepsEvidence = standing === 'fork-wins' || losesBranch(held, node.head)
  startWrite(turn, candidate, {
    ...(chain.length > 0 ? { roots: chain } : {}),
    ...(keepsEvidence && previous !== null ? { evidence: previous } : {}),
    ...(previous === null ? {} : { previous }),
    head: held,
    floor: held.head,
  })
}

const floorUnknown: Fault = {
  code: 'floor-unknown',
  message: 'this host lost its floor and accepts nothing new until most of its peers have answered',
}
const overtaken: Fault = { code: 'busy', message: 'other roots were adopted meanwhile' }

function continues(
  held: readonly HeldRoot[],
  chain: readonly HeldRoot[],
  whole: readonly HeldRoot[],
): boolean {
  const known = whole.filter((root) => !chain.includes(root))
  return known.every((root) => held[root.root.epoch - 1]?.digest === root.digest)
}

function olderMessage(turn: Turn, held: HeldConfig): string {
  const { head, floor } = turn.node
  const bound = head?.head ?? floor
  return `it is version ${held.head.version} of epoch ${held.head.epoch}, and this host holds ${headText(bound)}`
}

/** The losing document of a fork is evidence of what was signed twice; the head stays. */
function keepLoser(turn: Turn, candidate: Candidate, held: HeldConfig): void {
  const { node } = turn
  if (node.evidence.has(held.head.digest))
    return answerFork(turn, candidate.source, held, 'fork-loses')
  startWrite(turn, candidate, { evidence: held })
}

/** One write at a time: the callers have made sure that none is under way. */
function startWrite(turn: Turn, candidate: Candidate | null, write: DurableWrite): void {
  const token = turn.node.nextToken++
  turn.node.writing = { token, pending: { candidate, write } }
  turn.effects.push({ kind: 'persist', token, write })
}

/** Starts the write of what no document waits for, where nothing else is being written. */
function writeRest(turn: Turn): void {
  const { node } = turn
  const rivals = node.rivalsToWrite
  if (node.writing !== null || node.storeAt > node.now) return
  const floor = node.floorToWrite || mustTry(node) ? node.floor : null
  if (node.confirmation === null && rivals.length === 0 && floor === null) return
  const confirmed = node.confirmation
  node.confirmation = null
  node.floorToWrite = false
  startWrite(turn, null, {
    ...(rivals.length > 0 ? { rivals: rivals.splice(0) } : {}),
    ...(confirmed === null ? {} : { confirmed }),
    ...(floor === null ? {} : { floor }),
  })
}

/**
 * True if a failed write has to be tried with another one: the floor is written again as it is,
 * unless a document will be written anyway. Without it the alarm would outlast a full disk until
 * somebody signs something.
 */
function mustTry(node: NodeState): boolean {
  if (!node.storeFailed || !node.floorKnown || node.wantsMore) return false
  return node.judging.size === 0 && node.fetching.size === 0
}

/** A write is durable: only now does the node hold it, say so, and act on it. */
export function onPersisted(turn: Turn, token: number): void {
  const { node } = turn
  if (node.writing?.token !== token) return
  const { write, candidate } = node.writing.pending
  node.writing = null
  node.storeFailed = false
  clearAlarm(turn, 'storage')
  if (write.evidence !== undefined) keepEvidence(turn, write.evidence)
  if (write.confirmed !== undefined) {
    node.confirmed = write.confirmed
    node.applied = write.confirmed.head
    node.statusWanted = true
    // Until now the peers of the config confirmed before were admitted as well (P2).
    refreshPeers(turn)
  }
  if (write.head !== undefined) takeHead(turn, write.head, candidate)
  else if (candidate?.held) {
    answerFork(turn, candidate.source, candidate.held, 'fork-loses')
    tellForks(turn, null)
  }
}

function keepEvidence(turn: Turn, held: HeldConfig): void {
  const { evidence } = turn.node
  evidence.set(held.head.digest, held)
  const [oldest] = evidence.keys()
  if (evidence.size > evidenceMax && oldest !== undefined) evidence.delete(oldest)
}

/** A root above a fork of the chain settles it. */
function clearSettled(turn: Turn): void {
  const { roots, rivals } = turn.node
  if (rivals.every((rival) => rival.root.epoch < roots.length)) clearAlarm(turn, 'root-fork')
  else for (const rival of rivals) raiseRootFork(turn, rival)
}

function takeHead(turn: Turn, held: HeldConfig, candidate: Candidate | null): void {
  const { node } = turn
  const before = node.head
  const standing = standingOf(held.head, before?.head ?? null, null)
  const lost = losesBranch(held, before) ? before : null
  const chain = candidate?.chain ?? []
  node.roots.push(...chain.filter((root) => root.root.epoch > node.roots.length))
  clearSettled(turn)
  // Head, previous and floor have just been written again.
  clearAlarm(turn, 'state-damaged')
  node.previous = before
  node.head = held
  node.floor = held.head
  if (standing !== 'fork-wins') {
    clearAlarm(turn, 'fork')
    if (lost === null) clearAlarm(turn, 'lost-branch')
    else raiseLostBranch(turn, lost, held)
  }
  // A head that was lost and has come back meets the other side of its fork on the disk.
  for (const other of forksOf(node)) raiseFork(turn, other)
  adoptHead(turn)
  announceHead(turn, candidate?.source.kind === 'peer' ? candidate.source.peer : null)
  if (candidate === null) return
  if (standing === 'fork-wins') {
    answerFork(turn, candidate.source, held, 'fork-wins')
    tellForks(turn, null)
  } else
    answer(
      turn,
      candidate.source,
      'accepted',
      `version ${held.head.version} is stored on this host`,
    )
}

/** A write failed without harm (a full disk): the old head goes on, and the node says so. */
export function onPersistFailed(turn: Turn, token: number, error: Fault): void {
  const { node } = turn
  if (node.writing?.token !== token) return
  const { candidate, write } = node.writing.pending
  node.writing = null
  // What nobody will hand over again is written again.
  node.confirmation ??= write.confirmed ?? null
  node.floorToWrite ||= write.floor !== undefined && write.head === undefined
  if (write.rivals !== undefined) node.rivalsToWrite.push(...write.rivals)
  node.storeFailed = true
  raiseAlarm(turn, 'storage', `cannot store on this host: ${error.message}`)
  node.storeAt = node.now + storeRetryMs
  if (candidate !== null && candidate.source.kind === 'request') {
    answer(turn, candidate.source, 'refused', error.message, [error], error.code)
  }
}
