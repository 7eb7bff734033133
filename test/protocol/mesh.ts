import { createPublicKey, verify } from 'node:crypto'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import type { KeyRing } from '../../protocol/documents/root.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { Head } from '../../protocol/heads.ts'
import { rootsAfter } from '../../protocol/node/chain.ts'
import type { DurableStart, DurableWrite } from '../../protocol/node/durable.ts'
import type { Effect, Input, Verdict, Verified } from '../../protocol/node/effects.ts'
import { documentHeld, type NodeState } from '../../protocol/node/state.ts'
import { startNode, step } from '../../protocol/node/step.ts'
import { digestOf, somePeerId, type TestCluster } from './cluster.ts'

/** Verifies with node:crypto, at once: the tests' own judge of signatures. */
export function verifyPlainly(document: SignedDocument, ring: KeyRing): Verified {
  const payload = Buffer.from(document.payload)
  const kids: string[] = []
  for (const entry of document.signatures) {
    const { kid } = JSON.parse(Buffer.from(entry.protected, 'base64url').toString())
    const jwk = ring[kid]
    if (jwk === undefined) continue
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    const text = Buffer.from(`${entry.protected}.${payload.toString('base64url')}`)
    if (!verify(null, text, key, Buffer.from(entry.signature, 'base64url'))) {
      return { ok: false, fault: { code: 'bad-signature', message: 'bad' } }
    }
    kids.push(kid)
  }
  if (kids.length === 0)
    return { ok: false, fault: { code: 'unknown-key', message: 'nobody known' } }
  return { ok: true, digest: digestOf(payload), payload: payload.toString('utf8'), kids }
}

/** One node with a shell that answers at once; effects that touch the network are kept for the test. */
export interface TestNode {
  readonly node: NodeState
  readonly peerId: string
  /** Effects that nobody has taken yet, in order. */
  readonly effects: Effect[]
  readonly writes: DurableWrite[]
  readonly verdicts: Verdict[]
  /** What the lint says of the next injected configs. */
  lintFaults: readonly Fault[]
  isolated: readonly string[]
  /** While set, a write is not answered: the test says when it is durable. */
  holdWrites: boolean
  feed(input: Input): void
  /** Effects of one kind that have come since the last call. */
  take<K extends Effect['kind']>(kind: K): readonly Extract<Effect, { kind: K }>[]
}

/** What a node has on its disk right after its enrolment, or later. */
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

/** Nodes joined by a network that loses nothing and takes no time. */
export interface TestMesh {
  readonly nodes: readonly TestNode[]
  /** Lets time pass in steps of half a second, carrying everything that is said. */
  run(ms: number): void
  /** Carries what has been said until nothing is left to carry. */
  settle(): void
  /** Parts two nodes, both ways, and ends their connection. */
  cut(a: number, b: number): void
  heal(): void
  /** Documents carried whole so far, by fetch or inside an announcement. */
  readonly carried: { documents: number; messages: number }
}

/** Joins nodes; `inline` says whether documents ride inside their announcements. */
export function joinNodes(nodes: readonly TestNode[], inline = true): TestMesh {
  const byPeer = new Map(nodes.map((node) => [node.peerId, node]))
  const cuts = new Set<string>()
  const open = new Set<string>()
  const pair = (a: string, b: string): string => [a, b].sort().join(' ')
  const carried = { documents: 0, messages: 0 }
  let now = 0

  const dial = (from: TestNode, to: string): void => {
    const peer = byPeer.get(to)
    const admits = peer?.node.peers.has(from.peerId) || peer?.node.leaving.has(from.peerId)
    if (peer === undefined || !admits || cuts.has(pair(from.peerId, to))) {
      return from.feed({ kind: 'dial-failed', peer: to })
    }
    if (open.has(pair(from.peerId, to))) return
    open.add(pair(from.peerId, to))
    from.feed({ kind: 'peer-up', peer: to })
    peer.feed({ kind: 'peer-up', peer: from.peerId })
  }
  const drop = (a: string, b: string): void => {
    if (!open.delete(pair(a, b))) return
    byPeer.get(a)?.feed({ kind: 'peer-down', peer: b })
    byPeer.get(b)?.feed({ kind: 'peer-down', peer: a })
  }
  const carry = (from: TestNode, effect: Effect): void => {
    if (effect.kind === 'dial') return dial(from, effect.place.peerId)
    if (effect.kind === 'drop') return drop(from.peerId, effect.peer)
    if (effect.kind === 'send') say(from, effect.peer, effect.message, null)
    if (effect.kind === 'announce') {
      const delivery = inline ? { roots: [], config: effect.held.document } : null
      for (const peer of effect.peers)
        say(from, peer, { kind: 'head', head: effect.held.head }, delivery)
    }
    if (effect.kind !== 'fetch') return
    const { node } = byPeer.get(effect.peer) ?? from
    const held = documentHeld(node, effect.digest)
    if (!open.has(pair(from.peerId, effect.peer))) {
      return from.feed({ kind: 'fetch-failed', peer: effect.peer, digest: effect.digest })
    }
    if (held) carried.documents++
    const roots = rootsAfter(node, effect.epoch).map((root) => root.document)
    const delivery = held ? { roots, config: held.document } : null
    from.feed({ kind: 'fetched', peer: effect.peer, digest: effect.digest, delivery })
  }
  type Received = Extract<Input, { kind: 'received' }>
  const say = (
    from: TestNode,
    to: string,
    message: Received['message'],
    delivery: Received['delivery'],
  ): void => {
    if (!open.has(pair(from.peerId, to))) return
    carried.messages++
    if (delivery !== null) carried.documents++
    byPeer.get(to)?.feed({ kind: 'received', peer: from.peerId, message, delivery })
  }
  const settle = (): void => {
    for (let busy = true; busy; ) {
      busy = false
      for (const node of nodes) {
        const said = node.effects.filter((effect) => effect.kind !== 'persist')
        const kept = node.effects.filter((effect) => effect.kind === 'persist')
        node.effects.splice(0, node.effects.length, ...kept)
        for (const effect of said) {
          busy = true
          carry(node, effect)
        }
      }
    }
  }
  return {
    nodes,
    carried,
    settle,
    run(ms) {
      for (const end = now + ms; now < end; ) {
        now += 500
        for (const node of nodes) node.feed({ kind: 'tick', now })
        settle()
      }
    },
    cut(a, b) {
      const [from, to] = [nodes[a]?.peerId ?? '', nodes[b]?.peerId ?? '']
      cuts.add(pair(from, to))
      drop(from, to)
    },
    heal: () => cuts.clear(),
  }
}
