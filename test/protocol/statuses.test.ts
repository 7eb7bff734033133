import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusSequenceMax, statusStartMax } from '../../protocol/limits.ts'
import { startNode } from '../../protocol/node/step.ts'
import type { StatusRecord } from '../../protocol/status-record.ts'
import { makeCluster, meshSection, somePeerId, type TestCluster } from './cluster.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

/** The number of an attack that was seen: one more, and no record is a safe integer any more. */
const nearTheEnd = Number.MAX_SAFE_INTEGER - 1

const peer = somePeerId(1)

/** Host 0 of a mesh of `count`, greeted by host 1. */
function greetedNode(count: number): { cluster: TestCluster; node: TestNode } {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(count) }))
  node.feed({ kind: 'tick', now: 1_000 })
  node.feed({ kind: 'peer-up', peer })
  const head = node.node.head?.head ?? null
  const hello = { kind: 'hello', gossip: 1, agent_version: 'x', cluster: cluster.id, head } as const
  node.feed({ kind: 'received', peer, message: hello, delivery: null })
  node.effects.length = 0
  return { cluster, node }
}

function record(
  index: number,
  sequence: number,
  members: Partial<StatusRecord> = {},
): StatusRecord {
  return {
    host: `h${index}`,
    peer_id: somePeerId(index),
    sequence,
    state: 'in-sync',
    head: null,
    applied: null,
    objects: { converged: 1, pending: 0, failed: 0, unsupported: 0 },
    alarms: [],
    ...members,
  }
}

function tell(node: TestNode, ...records: readonly StatusRecord[]): void {
  const signedRecords = records.map((one) => ({ text: JSON.stringify(one), signature: '' }))
  const message = { kind: 'status', records: signedRecords } as const
  node.feed({ kind: 'received', peer, message, delivery: null })
}

function claim(node: TestNode, ...known: readonly (readonly [string, number])[]): void {
  const message = { kind: 'status-digest', known } as const
  node.feed({ kind: 'received', peer, message, delivery: null })
}

/** Hosts whose records the node has asked for since the last look. */
function asked(node: TestNode): readonly string[] {
  return node.take('send').flatMap(({ message }) => {
    return message.kind === 'status-want' ? message.hosts : []
  })
}

/** The number of the node's own status a minute later. */
function ownNumber(node: TestNode, now = 60_000): number {
  node.feed({ kind: 'tick', now })
  return node.node.statuses.get('h0')?.record.sequence ?? 0
}

test('H4: what a digest claims of this host moves nothing; its sender is asked for it', () => {
  const { node } = greetedNode(3)
  const before = node.node.sequence
  claim(node, ['h0', 1_000_000])
  assert.deepEqual(asked(node), ['h0'])
  assert.equal(node.node.sequence, before)
  claim(node, ['h0', nearTheEnd], ['h2', nearTheEnd])
  assert.deepEqual(asked(node), [], 'a number that no host can have is not asked for')
  assert.equal(ownNumber(node), before + 1)
})

test('H4: a record about this host that another key has signed moves nothing', () => {
  const { node } = greetedNode(3)
  const before = node.node.sequence
  for (const sequence of [1_000_000, statusSequenceMax - 1, nearTheEnd]) {
    tell(node, record(0, sequence, { peer_id: peer }), record(0, sequence, { peer_id: '' }))
  }
  assert.equal(ownNumber(node), before + 1)
})

test('H4: a host that is shown a record of its own goes on above it', () => {
  const { node } = greetedNode(2)
  tell(node, record(0, 5_000_000))
  assert.equal(ownNumber(node), 5_000_001)
})

test('H4: a number above the highest is nobody’s: not taken, not passed on, no breach', () => {
  const { node } = greetedNode(3)
  const before = node.node.sequence
  tell(node, record(0, nearTheEnd), record(0, statusSequenceMax), record(2, nearTheEnd))
  assert.equal(node.node.statuses.has('h2'), false)
  assert.equal(ownNumber(node), before + 1)
  assert.deepEqual(node.take('drop'), [])
  tell(node, record(2, statusSequenceMax))
  assert.equal(node.node.statuses.has('h2'), true)
})

test('H4: a start is newer than the life before, whoever is there to tell', () => {
  const cluster = makeCluster()
  const first = startNode(durableOf(cluster, 0), 1, 1_790_000_000_000).node
  const later = startNode(durableOf(cluster, 0), 1, 1_790_000_060_000).node
  assert.ok(later.sequence > first.sequence + 1_000)
  for (const now of [-5, 0, 2 ** 52]) {
    const { sequence } = startNode(durableOf(cluster, 0), 1, now).node
    assert.ok(sequence >= 0 && sequence <= statusStartMax, String(sequence))
  }
})

test('H3: what a host said under its former key does not outlast what it says now', () => {
  const { cluster, node } = greetedNode(3)
  tell(node, record(2, 1_790_000_000_000))
  const renewed = { ...hostsOf(3), h2: meshSection(2, somePeerId(40)) }
  inject(node, signed(cluster, 2, { hosts: renewed }))
  assert.equal(node.node.statuses.has('h2'), false)
  tell(node, record(2, 1_790_000_000_001))
  assert.equal(node.node.statuses.has('h2'), false)
  tell(node, record(2, 3, { peer_id: somePeerId(40) }))
  assert.equal(node.node.statuses.get('h2')?.record.sequence, 3)
})

test('H7: a hello that is said again is not answered with all that is known', () => {
  const { cluster, node } = greetedNode(3)
  tell(node, record(2, 9))
  node.effects.length = 0
  const head = node.node.head?.head ?? null
  const hello = { kind: 'hello', gossip: 1, agent_version: 'x', cluster: cluster.id, head } as const
  node.feed({ kind: 'received', peer, message: hello, delivery: null })
  assert.deepEqual(node.take('send'), [])
})

test('H6: of many records that are older than those held, one digest tells', () => {
  const { node } = greetedNode(5)
  tell(node, record(2, 9), record(3, 9), record(4, 9))
  node.effects.length = 0
  tell(node, record(2, 1), record(3, 1), record(4, 9))
  const said = node.take('send').map(({ message }) => message)
  assert.deepEqual(said, [
    {
      kind: 'status-digest',
      known: [
        ['h2', 9],
        ['h3', 9],
      ],
    },
  ])
})
