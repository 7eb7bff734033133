import { keysOf } from '../documents/root.ts'
import type { Fault } from '../fault.ts'
import { injectionsMax, verificationsPerPeerMax } from '../limits.ts'
import type { Delivery } from '../messages.ts'
import type { HeldConfig } from './durable.ts'
import type { Verified } from './effects.ts'
import { judgeDocument, standingOf } from './judge.ts'
import { type Candidate, configOf, type Source, type Turn } from './state.ts'
import { refuse } from './verdicts.ts'

/** Takes a document from whoever brought it and has it verified. Bounded for each source. */
export function consider(turn: Turn, source: Source, delivery: Delivery): void {
  const { node } = turn
  const waiting = [...node.judging.values(), ...node.decided].filter((other) => {
    return source.kind === 'peer'
      ? other.source.kind === 'peer' && other.source.peer === source.peer
      : other.source.kind === 'request'
  })
  const most = source.kind === 'peer' ? verificationsPerPeerMax : injectionsMax
  if (waiting.length >= most) {
    // What a peer sends beyond this is not lost: its head is known, and is asked for again.
    refuse(turn, source, { code: 'busy', message: 'too many documents wait to be judged' })
    return
  }
  const token = node.nextToken++
  node.judging.set(token, { source, delivery, held: null })
  const ring = keysOf(node.durable.roots.map((held) => held.root))
  turn.effects.push({ kind: 'verify', token, delivery, ring })
}

/** The shell has hashed and verified a document. */
export function onVerified(turn: Turn, token: number, result: Verified): void {
  const { node } = turn
  const candidate = node.judging.get(token)
  if (candidate === undefined) return
  node.judging.delete(token)
  if (!result.ok) return refuse(turn, candidate.source, result.fault)
  const judged = judgeDocument(node.durable.roots, candidate.delivery.config, result)
  if (!judged.ok) return refuse(turn, candidate.source, judged.fault)
  candidate.held = judged.value
  const { source } = candidate
  if (source.kind === 'peer' && source.digest !== judged.value.head.digest) {
    return refuse(turn, source, {
      code: 'not-announced',
      message: 'is not the document that was announced',
    })
  }
  if (source.kind === 'peer') return void turn.node.decided.push(candidate)
  lintInjected(turn, token, candidate, judged.value)
}

/** An injected document answers for its body as well; one that travels does not. */
function lintInjected(turn: Turn, token: number, candidate: Candidate, held: HeldConfig): void {
  const { node } = turn
  const standing = standingOf(held.head, node.head?.head ?? null, node.floor)
  if (standing === 'older' || standing === 'same') return void turn.node.decided.push(candidate)
  const gap = gapFault(turn, candidate, held)
  if (gap !== null) return refuse(turn, candidate.source, gap)
  const { body } = held.parsed
  if (!body.ok) return refuse(turn, candidate.source, body.fault)
  node.judging.set(token, candidate)
  turn.effects.push({ kind: 'lint', token, config: body.value, before: configOf(node.head) })
}

function gapFault(turn: Turn, candidate: Candidate, held: HeldConfig): Fault | null {
  const head = turn.node.head?.head ?? null
  if (candidate.source.kind !== 'request' || candidate.source.options.allowGap) return null
  if (head === null || held.head.epoch !== head.epoch || held.head.version <= head.version + 1)
    return null
  const message = `jumps from version ${head.version}, which this host holds, to ${held.head.version}`
  return { code: 'gap', message, path: 'version' }
}

/** The reconcilers' pure checks have looked at an injected config. */
export function onLinted(
  turn: Turn,
  token: number,
  faults: readonly Fault[],
  isolated: readonly string[],
): void {
  const candidate = turn.node.judging.get(token)
  if (candidate?.source.kind !== 'request') return
  turn.node.judging.delete(token)
  const [first] = faults
  if (first !== undefined) return refuse(turn, candidate.source, first, faults)
  if (isolated.length > 0 && !candidate.source.options.allowIsolation) {
    const message = `would cut ${isolated.join(', ')} off from every other host`
    return refuse(turn, candidate.source, { code: 'isolation', message, path: 'hosts' })
  }
  turn.node.decided.push(candidate)
}
