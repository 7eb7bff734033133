import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  statusAlarmsMax,
  statusHostsMax,
  statusMsMax,
  statusRecordBytesMax,
} from '../../protocol/limits.ts'
import { statusView } from '../../protocol/node/view.ts'
import { readStatus, type StatusRecord } from '../../protocol/status-record.ts'
import { makeCluster, somePeerId, type TestCluster } from './cluster.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

// Clauses of docs/PROTOCOL.md on what a host says of itself and keeps, each looked at alone.

function record(index: number, members: Partial<StatusRecord> = {}): StatusRecord {
  return {
    host: `h${index}`,
    peer_id: somePeerId(index),
    sequence: 7,
    state: 'in-sync',
    head: null,
    applied: null,
    objects: { converged: 1, pending: 0, failed: 0, unsupported: 0 },
    alarms: [],
    ...members,
  }
}

/** Host 0 of a mesh of `count`, greeted by host 1. */
function greetedNode(count: number): { cluster: TestCluster; node: TestNode } {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(count) }))
  node.feed({ kind: 'tick', now: 1_000 })
  node.feed({ kind: 'peer-up', peer: somePeerId(1) })
  const said = { gossip: 1, agent_version: 'x', cluster: cluster.id, head: null } as const
  const message = { kind: 'hello', ...said } as const
  node.feed({ kind: 'received', peer: somePeerId(1), message, delivery: null })
  node.effects.length = 0
  return { cluster, node }
}

function tell(node: TestNode, from: number, ...records: readonly StatusRecord[]): void {
  const all = records.map((one) => ({ text: JSON.stringify(one), signature: '' }))
  const message = { kind: 'status', records: all } as const
  node.feed({ kind: 'received', peer: somePeerId(from), message, delivery: null })
}

test('H1: a record is canonical JSON of bounded length, with a bounded list of alarms', () => {
  const isRead = (text: string): boolean => readStatus({ text, signature: '' }).ok
  const codes = (count: number): readonly string[] => Array.from({ length: count }, () => 'fork')
  const text = JSON.stringify(record(1))
  assert.ok(isRead(text))
  assert.ok(!isRead(` ${text}`))
  assert.ok(isRead(JSON.stringify(record(1, { alarms: codes(statusAlarmsMax) }))))
  assert.ok(!isRead(JSON.stringify(record(1, { alarms: codes(statusAlarmsMax + 1) }))))
  const padded = (bytes: number): string => {
    const open = JSON.stringify({ ...record(1), x: '' })
    return JSON.stringify({ ...record(1), x: 'x'.repeat(bytes - open.length) })
  }
  assert.ok(isRead(padded(statusRecordBytesMax)))
  assert.ok(!isRead(padded(statusRecordBytesMax + 1)))
})

test('H5: a record that has not changed is repeated every 30 s', () => {
  const { node } = greetedNode(2)
  const at: number[] = []
  for (let now = 1_500; now < 300_000; now += 500) {
    node.feed({ kind: 'tick', now })
    const { head } = node.node
    const heard = { kind: 'head', head: head?.head ?? null } as const
    node.feed({ kind: 'received', peer: somePeerId(1), message: heard, delivery: null })
    if (node.take('send').some(({ message }) => message.kind === 'status')) at.push(now)
  }
  const waits = at.slice(1).map((now, index) => now - (at[index] ?? 0))
  assert.ok(waits.length >= 8)
  assert.deepEqual(new Set(waits.slice(1)), new Set([statusMsMax]))
})

test('H8: a host that is no longer listed is forgotten', () => {
  const { cluster, node } = greetedNode(3)
  tell(node, 1, record(2))
  assert.ok(node.node.statuses.has('h2'))
  inject(node, signed(cluster, 2, { hosts: hostsOf(2) }))
  assert.ok(!node.node.statuses.has('h2'))
})

test('H9: in a large cluster a host takes of each neighbour what it says of itself alone', () => {
  const { node } = greetedNode(statusHostsMax + 1)
  tell(node, 1, record(1), record(2))
  assert.deepEqual([...node.node.statuses.keys()].sort(), ['h0', 'h1'])
  node.effects.length = 0
  for (let now = 1_500; now < 90_000; now += 500) node.feed({ kind: 'tick', now })
  const told = node.take('send').flatMap(({ message }) => {
    if (message.kind === 'status-digest') return message.known.map(([host]) => host)
    if (message.kind !== 'status') return []
    return message.records.map(({ text }) => JSON.parse(text).host)
  })
  assert.deepEqual([...new Set(told)], ['h0'])
})

test('D7: a start applies the head if it can, else the confirmed config, else the previous', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  const heldAt = (version: number, hosts: object | null) => {
    inject(node, signed(cluster, version, { hosts }), { allowGap: true })
    return node.node.head
  }
  const [one, two] = [heldAt(1, hostsOf(2)), heldAt(2, hostsOf(2))]
  const without = heldAt(3, { h1: hostsOf(2)['h1'] })
  const adopted = (head: typeof one, confirmed: typeof one, previous: typeof one) => {
    const start = startTestNode(durableOf(cluster, 0, { head, confirmed, previous }))
    return start.take('adopt').map(({ held }) => held.head.version)
  }
  assert.deepEqual(adopted(two, one, one), [2])
  assert.deepEqual(adopted(without, two, one), [2])
  assert.deepEqual(adopted(null, two, one), [2])
  assert.deepEqual(adopted(null, null, one), [1])
  assert.deepEqual(adopted(null, null, null), [])
})

test('D8: applied and confirmed move after a whole round, and are told once durable', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  node.holdWrites = true
  const persist = (): void => {
    for (const { token } of node.take('persist')) node.feed({ kind: 'persisted', token })
  }
  inject(node, signed(cluster, 1, { hosts: hostsOf(1) }))
  assert.deepEqual(node.take('adopt'), [])
  persist()
  assert.equal(node.take('adopt').length, 1)
  assert.equal(statusView(node.node).head?.version, 1)
  assert.deepEqual([node.node.applied, node.node.confirmed], [null, null])
  persist()
  assert.equal(statusView(node.node).applied?.version, 1)
  assert.equal(statusView(node.node).confirmed?.version, 1)
})
