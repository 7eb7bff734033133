import { type Fault, faultText } from '../fault.ts'
import { fetchRetryMs } from '../limits.ts'
import { raiseAlarm } from './alarms.ts'
import type { HeldConfig } from './durable.ts'
import type { Verdict } from './effects.ts'
import type { Standing } from './judge.ts'
import { misbehaved } from './peers.ts'
import type { Source, Turn } from './state.ts'

/** Says what came of a fork, which is an alarm on every node that has seen both sides. */
export function answerFork(turn: Turn, source: Source, held: HeldConfig, standing: Standing): void {
  const { version, epoch } = held.head
  const signers = held.kids.map((kid) => signerName(turn, epoch, kid)).join(', ')
  raiseAlarm(
    turn,
    'fork',
    `version ${version} of epoch ${epoch} was signed twice with different content (by ${signers}); ` +
      'the lower digest is in force; sign a higher version to settle it',
  )
  const won = standing === 'fork-wins'
  const message = won
    ? `another config of version ${version} existed; this one has the lower digest and is in force`
    : `another config of version ${version} is in force: it has the lower digest; sign a higher version`
  answer(turn, source, 'fork', message, [], won ? 'fork-won' : 'fork')
}

/** The name that the root of `epoch` gives a key. */
export function signerName(turn: Turn, epoch: number, kid: string): string {
  const root = turn.node.durable.roots.find((held) => held.root.epoch === epoch)?.root
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
const innocent: readonly string[] = ['busy', 'unknown-key', 'epoch-ahead']

/** Refuses a document; a peer that sent what does not verify is dropped and backed off. */
export function refuse(
  turn: Turn,
  source: Source,
  fault: Fault,
  faults: readonly Fault[] = [],
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
  if (innocent.includes(fault.code)) {
    const peer = turn.node.peers.get(source.peer)
    if (peer !== undefined) peer.fetchAt = turn.node.now + fetchRetryMs
  } else {
    misbehaved(turn, source.peer, `sent a document that was refused: ${faultText(fault)}`)
  }
}

function hostOf(turn: Turn, peer: string): string | null {
  return turn.node.peers.get(peer)?.place.host ?? null
}
