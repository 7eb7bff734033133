import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareHeadsOrNone, type Head } from '../../protocol/heads.ts'
import { evidenceMax, injectionsMax, statusAlarmsMax } from '../../protocol/limits.ts'
import type { Delivery, Message } from '../../protocol/messages.ts'
import type { Effect, Input } from '../../protocol/node/effects.ts'
import { startNode, step } from '../../protocol/node/step.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  meshSection,
  signEnvelope,
  somePeerId,
} from '../protocol/cluster.ts'
import { durableOf, verifyPlainly } from '../protocol/nodes.ts'
import { sizeOf } from '../sizes.ts'

const numRuns = sizeOf('COVEY_FUZZ', 120, 3000)

const cluster = makeCluster()
const hosts = Object.fromEntries([0, 1, 2, 3].map((index) => [`h${index}`, meshSection(index)]))
const documents = [1, 2, 2, 3, 3, 7].map((version, at) => {
  const members = at % 2 === 0 ? { hosts } : { hosts: { h0: hosts['h0'], h1: hosts['h1'] } }
  const text = configText(cluster, version, { ...members, note: at })
  const document = documentIn(signEnvelope(text, cluster.operators))
  const head: Head = { epoch: 1, version, digest: digestOf(text) }
  return { document, head }
})
const noBody = configText(cluster, 8, { hosts: 7 })
const odd = [
  documentIn(signEnvelope(noBody, cluster.operators)),
  documentIn(signEnvelope('not json', cluster.operators)),
  { payload: new Uint8Array(3), signatures: [] },
  {
    ...documents[0]?.document,
    payload: new Uint8Array(0),
    signatures: [{ protected: 'AA', signature: '' }],
  },
]
const oddHeads: readonly Head[] = [
  { epoch: 1, version: 8, digest: digestOf(noBody) },
  { epoch: 2, version: 1, digest: digestOf('x') },
  { epoch: 4096, version: 2 ** 32 - 1, digest: digestOf('y') },
  { epoch: 0, version: 0, digest: digestOf('z') },
]

const peer = fc.constantFrom(...[0, 1, 2, 3, 9].map((index) => somePeerId(index)), 'nobody', '')
const head = fc.constantFrom<(Head | null)[]>(
  null,
  ...documents.map((one) => one.head),
  ...oddHeads,
)
const digest = head.map((one) => one?.digest ?? '')
const document = fc.constantFrom(...documents.map((one) => one.document), ...odd)
const delivery: fc.Arbitrary<Delivery> = fc.record({
  roots: fc.array(fc.oneof(fc.constant(cluster.root.document), document), { maxLength: 2 }),
  config: document,
})
const maybeDelivery = fc.option(delivery, { nil: null })
const fault = fc.constantFrom('bad-signature', 'disk-full', 'nonsense').map((code) => {
  return { code, message: code }
})
const token = fc.nat(30)
const hostName = fc.constantFrom('h0', 'h1', 'h3', 'nobody', 'constructor')
const signedStatus = fc.record({
  text: fc.oneof(fc.json(), fc.constant('')),
  signature: fc.string(),
})
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    gossip: fc.constantFrom(1, 1, 1, 2, 99),
    cluster: fc.constantFrom(cluster.id, cluster.id, cluster.id, digestOf('other')),
    agent_version: fc.string({ maxLength: 64 }),
    head,
  }),
  fc.record({ kind: fc.constant('head' as const), head }),
  fc.record({
    kind: fc.constant('fork' as const),
    heads: fc.array(head, { maxLength: 64 }).map((all) => all.filter((one) => one !== null)),
  }),
  fc.record({
    kind: fc.constant('status-digest' as const),
    known: fc.array(fc.tuple(hostName, fc.maxSafeNat()), { maxLength: 64 }),
  }),
  fc.record({
    kind: fc.constant('status-want' as const),
    hosts: fc.array(hostName, { maxLength: 64 }),
  }),
  fc.record({
    kind: fc.constant('status' as const),
    records: fc.array(signedStatus, { maxLength: 8 }),
  }),
  fc.constant({ kind: 'unknown' as const }),
)
const kindOf = <K extends Input['kind']>(kind: K): fc.Arbitrary<K> => fc.constant(kind)
const input: fc.Arbitrary<Input> = fc.oneof(
  fc.record({ kind: kindOf('peer-up'), peer }),
  fc.record({ kind: kindOf('peer-down'), peer }),
  fc.record({ kind: kindOf('dial-failed'), peer }),
  fc.record({ kind: kindOf('received'), peer, message, delivery: maybeDelivery }),
  fc.record({ kind: kindOf('received'), peer, message, delivery: maybeDelivery }),
  fc.record({ kind: kindOf('misbehaved'), peer, reason: fc.string() }),
  fc.record({ kind: kindOf('fetched'), peer, digest, delivery: maybeDelivery }),
  fc.record({ kind: kindOf('fetch-failed'), peer, digest }),
  fc.record({
    kind: kindOf('verified'),
    token,
    result: fault.map((one) => ({ ok: false as const, fault: one })),
  }),
  fc.record({
    kind: kindOf('linted'),
    token,
    faults: fc.array(fault, { maxLength: 2 }),
    isolated: fc.array(hostName, { maxLength: 1 }),
  }),
  fc.record({ kind: kindOf('persisted'), token }),
  fc.record({ kind: kindOf('persist-failed'), token, error: fault }),
  fc.record({
    kind: kindOf('injected'),
    request: fc.nat(9),
    delivery,
    options: fc.record({ allowGap: fc.boolean(), allowIsolation: fc.boolean() }),
  }),
  fc.record({ kind: kindOf('tick'), now: fc.nat(400_000) }),
  fc.record({
    kind: kindOf('apply-reported'),
    head: head.map((one) => one ?? { epoch: 1, version: 1, digest: '' }),
    objects: fc.constant([]),
  }),
  fc.record({ kind: kindOf('status-signed'), record: signedStatus }),
)
/** A person hands a good config over, or a peer that was greeted does. */
const soundInput: fc.Arbitrary<Input> = fc.constantFrom(...documents).map((one) => {
  const given = { roots: [], config: one.document }
  const options = { allowGap: true, allowIsolation: true }
  return { kind: 'injected', request: 1, delivery: given, options }
})
/** An input from outside, or `null` for the oldest effect that still waits for its answer. */
const event = fc.oneof(
  { weight: 3, arbitrary: input },
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: soundInput },
)

/** The answer of a sound shell, or null where nothing is answered. */
function answerTo(effect: Effect): Input | null {
  if (effect.kind === 'persist') return { kind: 'persisted', token: effect.token }
  if (effect.kind === 'lint')
    return { kind: 'linted', token: effect.token, faults: [], isolated: [] }
  if (effect.kind !== 'verify') return null
  const { token: of, document: what, ring } = effect
  try {
    return { kind: 'verified', token: of, result: verifyPlainly(what, ring) }
  } catch {
    const refused = { code: 'header-not-json', message: 'x' }
    return { kind: 'verified', token: of, result: { ok: false, fault: refused } }
  }
}

/** Runs a node over events; gives every effect, as text. */
function run(events: readonly (Input | null)[], seed: number): string {
  const { node, effects } = startNode(durableOf(cluster, 0), seed, 0)
  const all: Effect[] = [...effects]
  const waiting = all.filter((one) => answerTo(one) !== null)
  let before: Head | null = null
  for (const one of events) {
    const effect = one === null ? waiting.shift() : undefined
    const given = one ?? (effect === undefined ? null : answerTo(effect))
    if (given === null) continue
    const now = step(node, given)
    all.push(...now)
    waiting.push(...now.filter((each) => answerTo(each) !== null))
    const after: Head | null = node.head?.head ?? null
    assert.ok(compareHeadsOrNone(after, before) >= 0, 'the head went back')
    before = after
    assert.ok(node.evidence.size <= evidenceMax && node.decided.length <= 4 * injectionsMax)
    assert.ok(node.peers.size <= 8 && node.statuses.size <= 4 && node.judging.size <= 64)
    assert.ok(node.alarms.size <= 4 * statusAlarmsMax)
  }
  return JSON.stringify(all, (_, value) => {
    return value instanceof Map || value instanceof Set ? [...value] : value
  })
}

test('fuzz: no sequence of inputs makes a node throw, go back, grow, or act by chance', () => {
  let heads = 0
  fc.assert(
    fc.property(fc.array(event, { minLength: 30, maxLength: 90 }), fc.nat(), (events, seed) => {
      const effects = run(events, seed)
      assert.equal(run(events, seed), effects)
      if (effects.includes('"kind":"adopt"')) heads += 1
    }),
    { numRuns },
  )
  assert.ok(heads > numRuns / 15, `only ${heads} runs came to a head`)
})
