import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDelivery } from '../../protocol/documents/delivery.ts'
import {
  parseEnvelope,
  type SignatureText,
  type SignedDocument,
} from '../../protocol/documents/envelope.ts'
import { signaturesMax } from '../../protocol/limits.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  makeKey,
  signEnvelope,
  somePeerId,
  type TestKey,
} from './cluster.ts'
import { durableOf, hostsOf, inject, signed, startTestNode } from './nodes.ts'

const rootHeader = { alg: 'Ed25519', typ: 'covey-root+jwt' }

function kidsOf(document: SignedDocument | undefined): readonly string[] {
  return (document?.signatures ?? []).map((one) => {
    return JSON.parse(Buffer.from(one.protected, 'base64url').toString()).kid
  })
}

function strangers(count: number): readonly TestKey[] {
  return Array.from({ length: count }, makeKey)
}

test('S7: signatures by keys that no root names are neither kept nor passed on', () => {
  const cluster = makeCluster(3, 2)
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(2) }))
  const peer = somePeerId(1)
  const head = node.node.head?.head ?? null
  const hello = { kind: 'hello', gossip: 1, agent_version: 'x', cluster: cluster.id, head } as const
  node.feed({ kind: 'tick', now: 1_000 })
  node.feed({ kind: 'peer-up', peer })
  node.feed({ kind: 'received', peer, message: hello, delivery: null })
  node.effects.length = 0
  const text = configText(cluster, 2, { hosts: hostsOf(2) })
  const [first, second, third] = cluster.operators as [TestKey, TestKey, TestKey]
  // A signature too many for the threshold is one of the cluster's own, and stays.
  const keys = [...strangers(20), second, ...strangers(signaturesMax - 24), first, third, second]
  assert.equal(inject(node, signEnvelope(text, keys)), 'accepted accepted')
  const kept = [second.kid, first.kid, third.kid]
  assert.deepEqual(kidsOf(node.node.head?.document), kept)
  const written = node.writes.flatMap((write) => write.head ?? [])
  assert.deepEqual(kidsOf(written.at(-1)?.document), kept)
  const [told] = node.take('announce')
  assert.deepEqual(kidsOf(told?.held.document), kept)
  assert.equal(node.node.head?.head.digest, digestOf(text), 'the payload is what was signed')
})

test('S7: a root keeps the signatures of the keys before it and of its own, and no others', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1))
  const [own, later] = strangers(2) as [TestKey, TestKey]
  const role = { threshold: 1, keys: { [own.kid]: { name: 'next', jwk: own.jwk } } }
  const previous = cluster.id
  const text = JSON.stringify({ epoch: 2, previous, cluster: 'home', root: role, config: role })
  const [operator] = cluster.operators as [TestKey]
  const root = signEnvelope(text, [later, operator, ...strangers(20), own], rootHeader)
  const config = signEnvelope(configText(cluster, 1, { epoch: 2 }), [later, own])
  node.feed({
    kind: 'injected',
    request: 1_000_000,
    delivery: { roots: [documentIn(root)], config: documentIn(config) },
    options: { allowGap: false, allowIsolation: false },
  })
  assert.equal(node.verdicts.at(-1)?.code, 'accepted')
  assert.deepEqual(kidsOf(node.node.roots[1]?.document), [operator.kid, own.kid])
  assert.deepEqual(kidsOf(node.node.head?.document), [own.kid])
  const written = node.writes.flatMap((write) => write.roots ?? [])
  assert.deepEqual(kidsOf(written[0]?.document), [operator.kid, own.kid])
})

test('E7: a signature of another length is refused where it is handed in, whoever signed', () => {
  const cluster = makeCluster()
  const good = signed(cluster, 1)
  const [stranger] = signEnvelope(configText(cluster, 1), strangers(1)).signatures
  assert.ok(stranger)
  for (const bytes of [0, 63, 65, 768]) {
    const odd: SignatureText = {
      ...stranger,
      signature: Buffer.alloc(bytes, 7).toString('base64url'),
    }
    const text: string = JSON.stringify({ ...good, signatures: [...good.signatures, odd] })
    const handed = parseDelivery(text)
    assert.equal(handed.ok ? 'taken' : handed.fault.code, 'signature-malformed', `${bytes} bytes`)
    assert.ok(parseEnvelope(text).ok, 'what an earlier version has stored is still read')
  }
  assert.ok(parseDelivery(JSON.stringify(good)).ok)
})
