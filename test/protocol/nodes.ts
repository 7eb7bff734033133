import { createPublicKey, verify } from 'node:crypto'
import type { Envelope, SignatureText, SignedDocument } from '../../protocol/documents/envelope.ts'
import type { KeyRing } from '../../protocol/documents/root.ts'
import type { Verified } from '../../protocol/documents/verify.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { Head } from '../../protocol/heads.ts'
import type { DurableStart, DurableWrite } from '../../protocol/node/durable.ts'
import type { Effect, InjectOptions, Input, Verdict } from '../../protocol/node/effects.ts'
import type { NodeState } from '../../protocol/node/state.ts'
import { startNode, step } from '../../protocol/node/step.ts'
import {
  configText,
  digestOf,
  documentIn,
  meshSection,
  signEnvelope,
  somePeerId,
  type TestCluster,
} from './cluster.ts'

/** Verifies with node:crypto, at once: the tests' own judge of signatures. */
export function verifyPlainly(document: SignedDocument, ring: KeyRing): Verified {
  const payload = Buffer.from(document.payload)
  const kids: string[] = []
  const signatures: SignatureText[] = []
  for (const entry of document.signatures) {
    const { kid } = JSON.parse(Buffer.from(entry.protected, 'base64url').toString())
    const jwk = ring[kid]
    if (jwk === undefined) continue
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    const text = Buffer.from(`${entry.protected}.${payload.toString('base64url')}`)
    if (!verify(null, text, key, Buffer.from(entry.signature, 'base64url'))) {
      return { ok: false, fault: { code: 'bad-signature', message: 'bad' } }
    }
    if (kids.includes(kid)) continue
    kids.push(kid)
    signatures.push(entry)
  }
  if (kids.length === 0)
    return { ok: false, fault: { code: 'unknown-key', message: 'nobody known' } }
  const text = payload.toString('utf8')
  return { ok: true, digest: digestOf(payload), payload: text, kids, signatures }
}

/**
 * One node with a shell that answers at once; effects that touch the network are kept for the test.
 */
export interface TestNode {
  readonly node: NodeState
  readonly peerId: string
  /** Effects that nobody has taken yet, in order. */
  readonly effects: Effect[]
  readonly writes: DurableWrite[]
  readonly verdicts: Verdict[]
  /** The faults that the lint finds in the next injected configs. */
  lintFaults: readonly Fault[]
  isolated: readonly string[]
  /** While set, a write is not answered: the test says when it is durable. */
  holdWrites: boolean
  feed(input: Input): void
  /** Effects of one kind that have come since the last call. */
  take<K extends Effect['kind']>(kind: K): readonly Extract<Effect, { kind: K }>[]
}

/** The state of a node on its disk right after its enrolment, or later. */
export function durableOf(
  cluster: TestCluster,
  index: number,
  state: Partial<DurableStart> = {},
): DurableStart {
  return {
    host: `h${index}`,
    peerId: somePeerId(index),
    agentVersion: '0.0.0-test',
    roots: [cluster.root],
    head: null,
    previous: null,
    confirmed: null,
    floor: null,
    floorKnown: true,
    evidence: [],
    rivals: [],
    damage: [],
    ...state,
  }
}

/** Starts a node at time 0. */
export function startTestNode(durable: DurableStart, seed = 1): TestNode {
  const started = startNode(durable, seed, 0)
  const self: TestNode = {
    node: started.node,
    peerId: durable.peerId,
    effects: [],
    writes: [],
    verdicts: [],
    lintFaults: [],
    isolated: [],
    holdWrites: false,
    feed(input) {
      const queue = [...step(self.node, input)]
      for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
        const answer = answerTo(self, effect)
        if (answer !== null) queue.push(...step(self.node, answer))
      }
    },
    take(kind) {
      const of = self.effects.filter((effect) => effect.kind === kind)
      const rest = self.effects.filter((effect) => effect.kind !== kind)
      self.effects.splice(0, self.effects.length, ...rest)
      return of as never
    },
  }
  for (const effect of started.effects) {
    const answer = answerTo(self, effect)
    if (answer !== null) self.feed(answer)
  }
  return self
}

function answerTo(self: TestNode, effect: Effect): Input | null {
  const { node } = self
  switch (effect.kind) {
    case 'verify': {
      const result = verifyPlainly(effect.document, effect.ring)
      return { kind: 'verified', token: effect.token, result }
    }
    case 'lint':
      return {
        kind: 'linted',
        token: effect.token,
        faults: self.lintFaults,
        isolated: self.isolated,
      }
    case 'persist':
      self.writes.push(effect.write)
      if (self.holdWrites) self.effects.push(effect)
      return self.holdWrites ? null : { kind: 'persisted', token: effect.token }
    case 'sign-status':
      return {
        kind: 'status-signed',
        record: { text: JSON.stringify(effect.record), signature: '' },
      }
    case 'reply':
      self.verdicts.push(effect.verdict)
      return null
    case 'adopt':
      self.effects.push(effect)
      return { kind: 'apply-reported', head: node.adopted?.head as Head, objects: [] }
    default:
      self.effects.push(effect)
      return null
  }
}

/** Sections of a mesh of `count` hosts, by name. */
export function hostsOf(count: number): Record<string, object> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`h${index}`, meshSection(index)]),
  )
}

/** A config of the cluster, signed by all its operators. */
export function signed(cluster: TestCluster, version: number, members: object = {}): Envelope {
  return signEnvelope(configText(cluster, version, members), cluster.operators)
}

let requests = 0
/** Hands a config to a node and gives the verdict and its code. */
export function inject(
  node: TestNode,
  envelope: Envelope,
  options: Partial<InjectOptions> = {},
): string {
  node.feed({
    kind: 'injected',
    request: ++requests,
    delivery: { roots: [], config: documentIn(envelope) },
    options: { allowGap: false, allowIsolation: false, ...options },
  })
  const verdict = node.verdicts.at(-1)
  return `${verdict?.verdict} ${verdict?.code}`
}
