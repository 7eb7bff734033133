import type { Fault } from '../fault.ts'
import { headText } from '../heads.ts'
import { evidenceMax } from '../limits.ts'
import { adoptHead } from './adopt.ts'
import { clearAlarm, raiseAlarm } from './alarms.ts'
import type { HeldConfig } from './durable.ts'
import { losesBranch, standingOf } from './judge.ts'
import { announceHead } from './peers.ts'
import type { Candidate, PendingWrite, Turn } from './state.ts'
import { answer, answerFork, signerName } from './verdicts.ts'

/**
 * Takes decisions until one has to be written, or none is left. One at a time, each on a head that is
 * durable, so that the order on disk is the order of decisions.
 */
export function decideNext(turn: Turn): void {
  const { node } = turn
  while (node.writing === null) {
    const candidate = node.decided.shift()
    if (candidate === undefined) break
    if (candidate.held !== null) decide(turn, candidate, candidate.held)
  }
  writeConfirmation(turn)
}

function decide(turn: Turn, candidate: Candidate, held: HeldConfig): void {
  const { node } = turn
  const standing = standingOf(held.head, node.head?.head ?? null, node.floor)
  if (standing === 'same')
    return answer(turn, candidate.source, 'already-head', 'this host holds it already')
  if (standing === 'older') return answer(turn, candidate.source, 'older', olderMessage(turn, held))
  if (standing === 'fork-loses') return keepLoser(turn, candidate, held)
  const previous = node.head
  const keepsEvidence = standing === 'fork-wins' || losesBranch(held, node.head)
  turn.node.writing = {
    token: node.nextToken++,
    pending: {
      candidate,
      write: {
        ...(keepsEvidence && previous !== null ? { evidence: previous } : {}),
        ...(previous === null ? {} : { previous }),
        head: held,
        floor: held.head,
      },
    },
  }
  pushWrite(turn)
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
  node.writing = { token: node.nextToken++, pending: { candidate, write: { evidence: held } } }
  pushWrite(turn)
}

function pushWrite(turn: Turn): void {
  const { writing } = turn.node
  if (writing === null) return
  turn.effects.push({ kind: 'persist', token: writing.token, write: writing.pending.write })
}

/** Starts the write of a confirmation, where one waits and nothing else is being written. */
function writeConfirmation(turn: Turn): void {
  const { node } = turn
  if (node.writing !== null || node.confirmation === null) return
  const confirmed = node.confirmation
  node.confirmation = null
  const pending: PendingWrite = { candidate: null, write: { confirmed } }
  node.writing = { token: node.nextToken++, pending }
  turn.effects.push({ kind: 'persist', token: node.writing.token, write: pending.write })
}

/** A write is durable: only now does the node hold it, say so, and act on it. */
export function onPersisted(turn: Turn, token: number): void {
  const { node } = turn
  if (node.writing?.token !== token) return
  const { write, candidate } = node.writing.pending
  node.writing = null
  clearAlarm(turn, 'storage')
  if (write.evidence !== undefined) keepEvidence(turn, write.evidence)
  if (write.confirmed !== undefined) {
    node.confirmed = write.confirmed
    node.applied = write.confirmed.head
    node.statusWanted = true
  }
  if (write.head !== undefined) takeHead(turn, write.head, candidate)
  else if (candidate?.held) answerFork(turn, candidate.source, candidate.held, 'fork-loses')
}

function keepEvidence(turn: Turn, held: HeldConfig): void {
  const { evidence } = turn.node
  evidence.add(held.head.digest)
  const [oldest] = evidence
  if (evidence.size > evidenceMax && oldest !== undefined) evidence.delete(oldest)
}

function takeHead(turn: Turn, held: HeldConfig, candidate: Candidate | null): void {
  const { node } = turn
  const before = node.head
  const standing = standingOf(held.head, before?.head ?? null, null)
  const lost = losesBranch(held, before) ? before : null
  node.previous = before
  node.head = held
  node.floor = held.head
  if (standing !== 'fork-wins') {
    clearAlarm(turn, 'fork')
    if (lost === null) clearAlarm(turn, 'lost-branch')
    else raiseLostBranch(turn, lost, held)
  }
  adoptHead(turn)
  announceHead(turn, candidate?.source.kind === 'peer' ? candidate.source.peer : null)
  if (candidate === null) return
  if (standing === 'fork-wins') answerFork(turn, candidate.source, held, 'fork-wins')
  else
    answer(
      turn,
      candidate.source,
      'accepted',
      `version ${held.head.version} is stored on this host`,
    )
}

function raiseLostBranch(turn: Turn, lost: HeldConfig, held: HeldConfig): void {
  const signers = lost.kids.map((kid) => signerName(turn, lost.head.epoch, kid)).join(', ')
  raiseAlarm(
    turn,
    'lost-branch',
    `version ${lost.head.version}, signed by ${signers}, is not among the ancestors of version ` +
      `${held.head.version}; it is kept as evidence ${lost.head.digest}: sign its hosts again to re-apply it`,
  )
}

/** A write failed without harm (a full disk): the old head goes on, and the node says so. */
export function onPersistFailed(turn: Turn, token: number, error: Fault): void {
  const { node } = turn
  if (node.writing?.token !== token) return
  const { candidate } = node.writing.pending
  node.writing = null
  raiseAlarm(turn, 'storage', `cannot store on this host: ${error.message}`)
  if (candidate !== null && candidate.source.kind === 'request') {
    answer(turn, candidate.source, 'refused', error.message, [error], error.code)
  }
}
