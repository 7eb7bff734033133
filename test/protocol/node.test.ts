import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Envelope } from '../../protocol/documents/envelope.ts'
import { compareHeads, type Head } from '../../protocol/heads.ts'
import { hostState, statusView } from '../../protocol/node/view.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  makeKey,
  meshSection,
  signEnvelope,
  somePeerId,
  type TestCluster,
} from './cluster.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

function oneNode(): { cluster: TestCluster; node: TestNode } {
  const cluster = makeCluster()
  return { cluster, node: startTestNode(durableOf(cluster, 0)) }
}

test('O1: epoch, then version, then the lower digest; a total order', () => {
  const head = fc.record({
    epoch: fc.integer({ min: 1, max: 3 }),
    version: fc.integer({ min: 1, max: 3 }),
    digest: fc.constantFrom('sha256:a', 'sha256:b', 'sha256:c'),
  })
  const key = (one: Head): string => {
    const inverse = { a: 3, b: 2, c: 1 }[one.digest.slice(-1)]
    return `${one.epoch}${one.version}${inverse}`
  }
  fc.assert(
    fc.property(head, head, (a, b) => {
      const expected = key(a) === key(b) ? 0 : key(a) > key(b) ? 1 : -1
      assert.equal(Math.sign(compareHeads(a, b)), expected)
    }),
  )
})

test('O9, O17: a good config is durable before it is answered, adopted and confirmed', () => {
  const { cluster, node } = oneNode()
  node.holdWrites = true
  inject(node, signed(cluster, 1, { hosts: hostsOf(1) }))
  assert.equal(node.verdicts.length, 0)
  assert.equal(statusView(node.node).head, null)
  assert.deepEqual(node.take('adopt'), [])
  const [write] = node.take('persist')
  assert.ok(write)
  node.holdWrites = false
  node.feed({ kind: 'persisted', token: write.token })
  assert.equal(node.verdicts.at(-1)?.verdict, 'accepted')
  assert.equal(node.node.head?.head.version, 1)
  assert.equal(node.node.confirmed?.head.version, 1)
  assert.equal(hostState(node.node), 'in-sync')
})

test('a write that fails without harm keeps the old head and says so', () => {
  const { cluster, node } = oneNode()
  inject(node, signed(cluster, 1))
  node.holdWrites = true
  inject(node, signed(cluster, 2))
  const [write] = node.take('persist')
  node.feed({
    kind: 'persist-failed',
    token: write?.token ?? 0,
    error: { code: 'disk-full', message: 'full' },
  })
  assert.equal(node.verdicts.at(-1)?.code, 'disk-full')
  assert.equal(node.node.head?.head.version, 1)
  assert.deepEqual(
    [...node.node.alarms.values()].map((alarm) => alarm.code),
    ['storage'],
  )
  node.holdWrites = false
  assert.equal(inject(node, signed(cluster, 2)), 'accepted accepted')
  assert.equal(node.node.alarms.size, 0)
})

test('O2 to O5, O10, O11: what a node is handed, and what it says', () => {
  const { cluster, node } = oneNode()
  const other = makeCluster()
  const stranger = makeKey()
  const two = signed(cluster, 2, { iat: 2 })
  const refusals: readonly (readonly [envelope: Envelope, verdict: string])[] = [
    [signEnvelope(configText(cluster, 3), [stranger]), 'refused unknown-key'],
    [signEnvelope(configText(other, 3), cluster.operators), 'refused other-cluster'],
    [signEnvelope(configText(cluster, 3, { epoch: 2 }), cluster.operators), 'refused epoch-ahead'],
    [{ ...signed(cluster, 3), payload: signed(cluster, 4).payload }, 'refused bad-signature'],
    [signed(cluster, 2 ** 32), 'refused version-out-of-range'],
    [signEnvelope(`{"a":1,"a":1}`, cluster.operators), 'refused duplicate-member'],
    [signed(cluster, 5), 'refused gap'],
    [signed(cluster, 3, { hosts: 7 }), 'refused body-hosts'],
    [signed(cluster, 1), 'older older'],
    [two, 'already-head already-head'],
  ]
  assert.equal(inject(node, signed(cluster, 1)), 'accepted accepted')
  assert.equal(inject(node, two), 'accepted accepted')
  const before = node.node.head
  for (const [envelope, verdict] of refusals) {
    assert.equal(inject(node, envelope), verdict)
    assert.equal(node.node.head, before)
  }
  assert.equal(inject(node, signed(cluster, 5), { allowGap: true }), 'accepted accepted')
})

test('O6, O7: of a fork the lower digest wins, both are kept, a higher version settles it', () => {
  const cluster = makeCluster()
  const pair = [signed(cluster, 1, { iat: 1 }), signed(cluster, 1, { iat: 2 })].sort((a, b) => {
    const digests = [a, b].map((one) => digestOf(documentIn(one).payload))
    return String(digests[0]) < String(digests[1]) ? -1 : 1
  })
  const [lower, higher] = pair as [Envelope, Envelope]
  for (const [first, second, verdict] of [
    [lower, higher, 'fork fork'],
    [higher, lower, 'fork fork-won'],
  ] as const) {
    const node = startTestNode(durableOf(cluster, 0))
    inject(node, first)
    assert.equal(inject(node, second), verdict)
    assert.equal(node.node.head?.head.digest, digestOf(documentIn(lower).payload))
    const kept = node.writes.flatMap((write) => write.evidence?.head.digest ?? [])
    assert.deepEqual(kept, [digestOf(documentIn(higher).payload)])
    assert.deepEqual(
      [...node.node.alarms.values()].map((alarm) => alarm.code),
      ['fork'],
    )
    assert.equal(inject(node, signed(cluster, 2)), 'accepted accepted')
    assert.equal(node.node.alarms.size, 0)
  }
})

test('O8: a higher version that omits the head is taken, and the loser is named and kept', () => {
  const { cluster, node } = oneNode()
  const digest = `sha256:${'0'.repeat(64)}`
  inject(node, signed(cluster, 1))
  assert.equal(
    inject(node, signed(cluster, 2, { ancestors: [[1, 1, digest]] })),
    'accepted accepted',
  )
  const [alarm] = node.node.alarms.values()
  assert.equal(alarm?.code, 'lost-branch')
  assert.match(alarm?.message ?? '', /signed by op0/)
  assert.equal(node.writes.filter((write) => write.evidence?.head.version === 1).length, 1)
})

test('S9: two of three must sign, and one key twice is one', () => {
  const cluster = makeCluster(3, 2)
  const [a, b] = cluster.operators
  assert.ok(a && b)
  const node = startTestNode(durableOf(cluster, 0))
  const text = configText(cluster, 1)
  assert.equal(inject(node, signEnvelope(text, [a])), 'refused below-threshold')
  assert.equal(inject(node, signEnvelope(text, [a, a, a])), 'refused below-threshold')
  assert.equal(inject(node, signEnvelope(text, [a, makeKey()])), 'refused below-threshold')
  assert.equal(inject(node, signEnvelope(text, [a, b])), 'accepted accepted')
})

test('O12, O13: inject refuses faults of known types, and isolation unless allowed', () => {
  const { cluster, node } = oneNode()
  node.isolated = ['h1']
  assert.equal(inject(node, signed(cluster, 1)), 'refused isolation')
  node.lintFaults = [{ code: 'field', message: 'is wrong', path: 'hosts.h0.x' }]
  assert.equal(inject(node, signed(cluster, 1), { allowIsolation: true }), 'refused field')
  assert.equal(node.verdicts.at(-1)?.faults[0]?.path, 'hosts.h0.x')
  node.lintFaults = []
  assert.equal(inject(node, signed(cluster, 1), { allowIsolation: true }), 'accepted accepted')
})

test('O5, D6: the floor bounds the head: after a lost head nothing below comes back', () => {
  const cluster = makeCluster()
  const two = signed(cluster, 2)
  const floor = { epoch: 1, version: 2, digest: digestOf(documentIn(two).payload) }
  const node = startTestNode(durableOf(cluster, 0, { floor }))
  assert.equal(inject(node, signed(cluster, 1)), 'older older')
  assert.equal(inject(node, two), 'accepted accepted')
})

test('O14, O16: a config without this host, or that is none, leaves what runs as it is', () => {
  const { cluster, node } = oneNode()
  inject(node, signed(cluster, 1, { hosts: hostsOf(2) }))
  node.take('adopt')
  inject(node, signed(cluster, 2, { hosts: { h1: meshSection(1) } }))
  assert.deepEqual(node.take('adopt'), [])
  assert.equal(hostState(node.node), 'not-listed')
  assert.equal(statusView(node.node).applied?.version, 1)
  const travelled = signed(cluster, 3, { hosts: null })
  node.feed({ kind: 'peer-up', peer: somePeerId(1) })
  const hello = {
    kind: 'hello',
    gossip: 1,
    cluster: cluster.id,
    agent_version: 'x',
    head: null,
  } as const
  node.feed({ kind: 'received', peer: somePeerId(1), message: hello, delivery: null })
  const head = { epoch: 1, version: 3, digest: digestOf(documentIn(travelled).payload) }
  const delivery = { roots: [], config: documentIn(travelled) }
  node.feed({ kind: 'received', peer: somePeerId(1), message: { kind: 'head', head }, delivery })
  assert.equal(node.node.head?.head.version, 3)
  assert.equal(hostState(node.node), 'unappliable')
  assert.deepEqual(node.take('adopt'), [])
})

test('the same inputs give the same effects', () => {
  const cluster = makeCluster()
  const trace = (): string => {
    const node = startTestNode(durableOf(cluster, 0), 7)
    node.feed({ kind: 'tick', now: 500 })
    inject(node, signed(cluster, 1, { hosts: hostsOf(40) }))
    for (let now = 1_000; now < 60_000; now += 500) node.feed({ kind: 'tick', now })
    return JSON.stringify(node.effects, (_key, value) =>
      value instanceof Set ? [...value] : value,
    )
  }
  assert.equal(trace(), trace())
})
