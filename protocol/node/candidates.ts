import type { SignedDocument } from '../documents/envelope.ts'
import { keysOf } from '../documents/root.ts'
import type { Verified } from '../documents/verify.ts'
import type { Fault } from '../fault.ts'
import { injectionsMax, rootsPerDeliveryMax, verificationsPerPeerMax } from '../limits.ts'
import type { Delivery } from '../messages.ts'
import { raiseAlarm } from './alarms.ts'
import { judgeRoot, keepSigners, signsItself } from './chain.ts'
import type { HeldConfig, HeldRoot } from './durable.ts'
import { judgeDocument, standingOf } from './judge.ts'
import { type Candidate, configOf, type NodeState, type Source, type Turn } from './state.ts'
import { refuse } from './verdicts.ts'

type GoodVerified = Extract<Verified, { ok: true }>

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
  if (delivery.roots.length > rootsPerDeliveryMax) {
    refuse(turn, source, { code: 'too-many-roots', message: 'brings too many roots at once' })
    return
  }
  const roots = [...delivery.roots]
  verifyNext(turn, { source, delivery, roots, chain: [], rivals: [], pending: null, held: null })
}

/**
 * All roots that a candidate may rest on: those held, and those of its delivery that are proven.
 */
function chainOf(node: NodeState, candidate: Candidate): readonly HeldRoot[] {
  return [...node.roots, ...candidate.chain]
}

/**
 * Verify first, parse after: each document with the keys of what is proven already, then with its
 * own.
 */
function verifyNext(turn: Turn, candidate: Candidate): void {
  const { node } = turn
  while (candidate.pending === null && isHeld(node, candidate.roots[0])) candidate.roots.shift()
  const token = node.nextToken++
  node.judging.set(token, candidate)
  const chain = [...chainOf(node, candidate), ...node.rivals, ...candidate.rivals]
  const roots = candidate.pending === null ? chain : [candidate.pending.root]
  const root = candidate.pending?.root.document ?? candidate.roots[0]
  turn.effects.push({
    kind: 'verify',
    token,
    document: root ?? candidate.delivery.config,
    documentKind: root === undefined ? 'config' : 'root',
    ring: keysOf(roots.map((held) => held.root)),
  })
}

function isHeld(node: NodeState, document: SignedDocument | undefined): boolean {
  if (document === undefined) return false
  return node.roots.some(({ document: { payload } }) => {
    return (
      payload.length === document.payload.length &&
      payload.every((byte, at) => byte === document.payload[at])
    )
  })
}

/** The shell has hashed and verified a document. */
export function onVerified(turn: Turn, token: number, result: Verified): void {
  const { node } = turn
  const candidate = node.judging.get(token)
  if (candidate === undefined) return
  node.judging.delete(token)
  if (!result.ok) return refuse(turn, candidate.source, result.fault, [], candidate)
  if (candidate.pending !== null)
    return takeOwnSignatures(turn, candidate, candidate.pending, result)
  const root = candidate.roots.shift()
  if (root !== undefined) return takeRoot(turn, candidate, root, result)
  takeConfig(turn, token, candidate, result)
}

function takeRoot(
  turn: Turn,
  candidate: Candidate,
  document: SignedDocument,
  verified: GoodVerified,
): void {
  const { node } = turn
  const rivals = [...node.rivals, ...candidate.rivals]
  const judged = judgeRoot(chainOf(node, candidate), rivals, document, verified)
  if (!judged.ok) return refuse(turn, candidate.source, judged.fault, [], candidate)
  if (judged.value.kind !== 'held') candidate.pending = judged.value
  verifyNext(turn, candidate)
}

function takeOwnSignatures(
  turn: Turn,
  candidate: Candidate,
  pending: NonNullable<Candidate['pending']>,
  verified: GoodVerified,
): void {
  const judged = signsItself(pending.root.root, verified)
  if (!judged.ok) return refuse(turn, candidate.source, judged.fault, [], candidate)
  candidate.pending = null
  const root = keepSigners(pending.root, pending.vouched, verified)
  if (pending.kind === 'rival') keepRival(turn, candidate, root)
  else candidate.chain.push(root)
  verifyNext(turn, candidate)
}

/**
 * Two root documents with one number, both properly signed: the one held stays, and everyone is
 * told.
 */
function keepRival(turn: Turn, candidate: Candidate, rival: HeldRoot): void {
  const { node } = turn
  if (!candidate.rivals.some((one) => one.digest === rival.digest)) candidate.rivals.push(rival)
  if (node.rivals.some((one) => one.digest === rival.digest)) return
  node.rivals.push(rival)
  node.rivalsToWrite.push(rival)
  raiseRootFork(turn, rival)
}

/** Raises the alarm for a rival root, unless a later root has settled it. */
export function raiseRootFork(turn: Turn, rival: HeldRoot): void {
  const { epoch } = rival.root
  // Of a root that is not held yet nothing is in force here; it is looked at again when it is.
  if (turn.node.roots.length !== epoch) return
  const held = turn.node.roots[epoch - 1]
  raiseAlarm(
    turn,
    'root-fork',
    `two root documents ${epoch} exist: ${held?.digest} is in force here, ${rival.digest} elsewhere; ` +
      `settle it with a root ${epoch + 1} whose previous lists both`,
  )
}

function takeConfig(turn: Turn, token: number, candidate: Candidate, verified: GoodVerified): void {
  const { source, delivery } = candidate
  const judged = judgeDocument(chainOf(turn.node, candidate), delivery.config, verified)
  if (!judged.ok) return refuse(turn, source, judged.fault, [], candidate)
  candidate.held = judged.value
  if (source.kind === 'request') return lintInjected(turn, token, candidate, judged.value)
  if (source.digest !== judged.value.head.digest) {
    const message = 'is not the document that was announced'
    return refuse(turn, source, { code: 'not-announced', message })
  }
  turn.node.decided.push(candidate)
}

/** An injected document answers for its body as well; one that travels does not. */
function lintInjected(turn: Turn, token: number, candidate: Candidate, held: HeldConfig): void {
  const { node } = turn
  const standing = standingOf(held.head, node.head?.head ?? null, node.floor)
  if (standing === 'older' || standing === 'same') return void node.decided.push(candidate)
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
  const next = held.head.epoch === head?.epoch ? head.version + 1 : 1
  if (head === null || held.head.version <= next) return null
  const message = `jumps from ${positionText(head)}, which this host holds, to ${positionText(held.head)}`
  return { code: 'gap', message, path: 'version' }
}

function positionText({ epoch, version }: { epoch: number; version: number }): string {
  return epoch === 1 ? `version ${version}` : `version ${version} of epoch ${epoch}`
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
