import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRoot } from '../../protocol/documents/root.ts'
import { evidenceMax, statusBurstMax } from '../../protocol/limits.ts'
import { listingOf } from '../../protocol/node/listing.ts'
import { chooseNeighbours } from '../../protocol/node/topology.ts'
import { hostState } from '../../protocol/node/view.ts'
import type { StatusRecord } from '../../protocol/status-record.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  makeKey,
  signEnvelope,
  somePeerId,
  type TestCluster,
  type TestKey,
} from './cluster.ts'
import { joinNodes } from './mesh.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

function greet(node: TestNode, cluster: TestCluster, peer: string): void {
  node.feed({ kind: 'peer-up', peer })
  const head = node.node.head?.head ?? null
  const version = { gossip: 1, agent_version: 'test' } as const
  const message = { kind: 'hello', ...version, cluster: cluster.id, head } as const
  node.feed({ kind: 'received', peer, message, delivery: null })
}

/** A node of a mesh of `count`, greeted by host 1. */
function greetedNode(count: number): { cluster: TestCluster; node: TestNode; peer: string } {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(count) }))
  node.feed({ kind: 'tick', now: 1_000 })
  const peer = somePeerId(1)
  greet(node, cluster, peer)
  node.effects.length = 0
  return { cluster, node, peer }
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
    objects: { converged: sequence, pending: 0, failed: 0, unsupported: 0 },
    alarms: [],
    ...members,
  }
}

function tell(node: TestNode, peer: string, ...records: readonly StatusRecord[]): void {
  const signedRecords = records.map((one) => ({ text: JSON.stringify(one), signature: '' }))
  const message = { kind: 'status', records: signedRecords } as const
  node.feed({ kind: 'received', peer, message, delivery: null })
}

test('time never runs back, whatever the clock says', () => {
  const { node } = greetedNode(2)
  node.feed({ kind: 'tick', now: 50_000 })
  node.feed({ kind: 'tick', now: 10_000 })
  assert.equal(node.node.now, 50_000)
})

test('H4, H6: an older record does not replace a newer one, and its sender is told', () => {
  const { node, peer } = greetedNode(3)
  tell(node, peer, record(2, 7))
  tell(node, peer, record(2, 5))
  assert.equal(node.node.statuses.get('h2')?.record.sequence, 7)
  const told = node.take('send').map((effect) => effect.message)
  const known = told.find((message) => message.kind === 'status-digest')?.known
  assert.deepEqual(known, [['h2', 7]])
})

test('H3: a record counts only under the key that the config gives its host', () => {
  const { node, peer } = greetedNode(3)
  tell(node, peer, record(2, 7, { peer_id: somePeerId(1) }))
  tell(node, peer, record(2, 7, { peer_id: somePeerId(40) }))
  assert.equal(node.node.statuses.has('h2'), false)
  tell(node, peer, record(2, 7))
  assert.equal(node.node.statuses.has('h2'), true)
})

test('D6: one peer of four is not most of them', () => {
  const cluster = makeCluster()
  const before = startTestNode(durableOf(cluster, 0))
  inject(before, signed(cluster, 1, { hosts: hostsOf(5) }))
  const { head } = before.node
  const others = [1, 2, 3].map((index) => startTestNode(durableOf(cluster, index)))
  for (const other of others) inject(other, signed(cluster, 1, { hosts: hostsOf(5) }))
  const lost = startTestNode(durableOf(cluster, 0, { head, confirmed: head, floorKnown: false }), 9)
  joinNodes([lost, ...others.slice(0, 2)]).run(5_000)
  assert.equal(hostState(lost.node), 'floor-unknown')
  const again = startTestNode(
    durableOf(cluster, 0, { head, confirmed: head, floorKnown: false }),
    9,
  )
  joinNodes([again, ...others]).run(5_000)
  assert.equal(hostState(again.node), 'in-sync')
})

/** A cluster whose two roles share no key. */
function partedRoles(rootKey: TestKey, configKey: TestKey): TestCluster {
  const role = (key: TestKey): object => ({
    threshold: 1,
    keys: { [key.kid]: { name: 'op', jwk: key.jwk } },
  })
  const roles = { root: role(rootKey), config: role(configKey) }
  const text = JSON.stringify({ epoch: 1, previous: null, cluster: 'home', ...roles })
  const rootEnvelope = signEnvelope(text, [rootKey], { alg: 'Ed25519', typ: 'covey-root+jwt' })
  const parsed = parseRoot(text)
  assert.ok(parsed.ok)
  const root = { digest: digestOf(text), document: documentIn(rootEnvelope), root: parsed.value }
  return { id: root.digest, operators: [configKey], root, rootEnvelope }
}

test('S9: a root key signs no config', () => {
  const [rootKey, configKey] = [makeKey(), makeKey()]
  const cluster = partedRoles(rootKey, configKey)
  const node = startTestNode(durableOf(cluster, 0))
  const text = configText(cluster, 1)
  assert.equal(inject(node, signEnvelope(text, [rootKey])), 'refused below-threshold')
  assert.equal(inject(node, signEnvelope(text, [configKey])), 'accepted accepted')
})

test('evidence: what is kept of forks is bounded, however often one position is signed', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  for (let iat = 0; iat < evidenceMax + 8; iat++) inject(node, signed(cluster, 1, { iat }))
  assert.equal(node.node.evidence.size, evidenceMax)
})

test('T5: a failed dial is not repeated at once', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(2) }))
  node.feed({ kind: 'tick', now: 1_000 })
  assert.equal(node.take('dial').length, 1)
  node.feed({ kind: 'dial-failed', peer: somePeerId(1) })
  node.feed({ kind: 'tick', now: 1_100 })
  assert.equal(node.take('dial').length, 0)
  node.feed({ kind: 'tick', now: 1_300 })
  assert.equal(node.take('dial').length, 1)
})

test('topology: among 200 hosts everyone reaches everyone in at most 8 hops', () => {
  const places = Array.from({ length: 200 }, (_, index) => ({
    host: `h${index}`,
    peerId: somePeerId(index),
    address: '10.0.0.1',
    port: 4069,
    hasEndpoint: false,
  }))
  const listing = listingOf(places)
  const reached = new Map([[somePeerId(0), 0]])
  for (const [peerId, hops] of reached) {
    for (const next of chooseNeighbours(peerId, listing)) {
      if (!reached.has(next)) reached.set(next, hops + 1)
    }
  }
  assert.equal(reached.size, places.length)
  assert.ok(Math.max(...reached.values()) <= 8)
})

test('G3: a new head is told to every greeted peer at once', () => {
  const { cluster, node, peer } = greetedNode(2)
  inject(node, signed(cluster, 2, { hosts: hostsOf(2) }))
  const [told] = node.take('announce')
  assert.deepEqual(told?.peers, [peer])
  assert.equal(told?.held.head.version, 2)
})

test('H6: what one peer tells of a host is told to the others at the next tick', () => {
  const { cluster, node, peer } = greetedNode(4)
  const other = somePeerId(3)
  greet(node, cluster, other)
  tell(node, peer, record(2, 7))
  node.effects.length = 0
  node.feed({ kind: 'tick', now: 1_500 })
  const told = node.take('send').filter((effect) => effect.message.kind === 'status-digest')
  assert.deepEqual(
    told.map((effect) => effect.peer),
    [other],
  )
})

test('H5: objects that flap do not make a host talk without end', () => {
  const { node } = greetedNode(2)
  const head = node.node.head?.head
  assert.ok(head)
  let said = 0
  for (let round = 0; round < 40; round++) {
    const state = round % 2 === 0 ? 'failed' : 'converged'
    const objects = [{ name: 'a', type: 'container', state, reason: null }] as const
    node.feed({ kind: 'apply-reported', head, objects })
    node.feed({ kind: 'tick', now: 2_000 + round * 100 })
    said += node.take('send').filter((effect) => effect.message.kind === 'status').length
  }
  assert.ok(said > 0 && said <= statusBurstMax + 1, String(said))
})
