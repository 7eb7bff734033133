import { type Fault, faultText } from '../fault.ts'
import { banMs, fetchRetryMs } from '../limits.ts'
import { raiseAlarm } from './alarms.ts'
import type { HeldConfig } from './durable.ts'
import type { Verdict } from './effects.ts'
import type { Standing } from './judge.ts'
import { misbehaved } from './peers.ts'
import type { Candidate, Source, Turn } from './state.ts'

/** Raises the alarm of a fork: a position that was signed twice. */
export function raiseFork(turn: Turn, held: HeldConfig): void {
  const { version, epoch } = held.head
  const signers = held.kids.map((kid) => signerName(turn, epoch, kid)).join(', ')
  raiseAlarm(
    turn,
    'fork',
    `version ${version} of epoch ${epoch} was signed twice with different content, ` +
      `by ${signers}; the lower digest is in force; sign a higher version to settle it`,
  )
}

/** Raises the alarm of a branch that the head leaves out, and says how to get it back. */
export function raiseLostBranch(turn: Turn, lost: HeldConfig, held: HeldConfig): void {
  const signers = lost.kids.map((kid) => signerName(turn, lost.head.epoch, kid)).join(', ')
  const name = lost.head.digest.slice('sha256:'.length)
  raiseAlarm(
    turn,
    'lost-branch',
    `version ${lost.head.version}, signed by ${signers}, is not among the ancestors of version ` +
      `${held.head.version}; it is kept in evidence/${name}.json: sign its hosts again to re-apply it`,
  )
}

/** Tells the result of a fork to whoever brought the other side. */
export function answerFork(turn: Turn, source: Source, held: HeldConfig, standing: Standing): void {
  raiseFork(turn, held)
  const won = standing === 'fork-wins'
  const message = won
    ? `another config of version ${held.head.version} existed; this one has the lower digest and is in force`
    : `another config of version ${held.head.version} is in force: it has the lower digest; sign a higher version`
  answer(turn, source, 'fork', message, [], won ? 'fork-won' : 'fork')
}

/** The name that the root of `epoch` gives a key. */
function signerName(turn: Turn, epoch: number, kid: string): string {
  const root = turn.node.roots.find((held) => held.root.epoch === epoch)?.root
  return root?.config.keys[kid]?.name ?? kid
}

/** Answers a request; a peer learns the node's head instead, where it is behind. */
export function answer(
  turn: Turn,
  source: Source,
  verdict: Verdict['verdict'],
  message: string,
  faults: readonly Fault[] = [],
  code: string = verdict,
): void {
  const { node } = turn
  if (source.kind === 'request') {
    const reply: Verdict = { verdict, code, message, head: node.head?.head ?? null, faults }
    turn.effects.push({ kind: 'reply', request: source.request, verdict: reply })
  } else if (verdict === 'older' && node.head !== null) {
    turn.effects.push({ kind: 'announce', peers: [source.peer], held: node.head })
  }
}

/** Faults of trust that do not count against the peer that passed the document on. */
const innocent: readonly string[] = [
  'busy',
  'epoch-ahead',
  'floor-unknown',
  'root-fork',
  'root-chain',
]

/**
 * Faults that another chain of roots explains; the peer is asked for its roots before they count.
 */
const explainable: readonly string[] = ['unknown-key', 'below-threshold']

/** Refuses a document; a peer that sent what does not verify is dropped and backed off. */
export function refuse(
  turn: Turn,
  source: Source,
  fault: Fault,
  faults: readonly Fault[] = [],
  candidate: Candidate | null = null,
): void {
  if (source.kind === 'request') {
    return answer(
      turn,
      source,
      'refused',
      faultText(fault),
      faults.length > 0 ? faults : [fault],
      fault.code,
    )
  }
  if (fault.code === 'other-cluster') {
    raiseAlarm(
      turn,
      'other-cluster',
      `a peer sent a config of another cluster`,
      hostOf(turn, source.peer),
    )
  }
  const peer = turn.node.peers.get(source.peer)
  if (peer === undefined) return
  if (explainable.includes(fault.code) && !source.withRoots) {
    peer.asksRoots = true
    return
  }
  const isRival = (candidate?.rivals.length ?? 0) > 0
  if (isRival || innocent.includes(fault.code)) {
    peer.fetchAt = turn.node.now + (isRival ? banMs : fetchRetryMs)
  } else {
    misbehaved(turn, source.peer, `sent a document that was refused: ${faultText(fault)}`)
  }
}

function hostOf(turn: Turn, peer: string): string | null {
  return turn.node.peers.get(peer)?.place.host ?? null
}
