import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostState, statusView } from '../../protocol/node/view.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  signEnvelope,
  type TestCluster,
} from './cluster.ts'
import { joinNodes, type TestMesh } from './mesh.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

function mesh(count: number, inline = true): { cluster: TestCluster; mesh: TestMesh } {
  const cluster = makeCluster()
  const first = signed(cluster, 1, { hosts: hostsOf(count) })
  const nodes = Array.from({ length: count }, (_, index) => {
    const node = startTestNode(durableOf(cluster, index), index + 1)
    inject(node, first)
    return node
  })
  const joined = joinNodes(nodes, inline)
  joined.run(5_000)
  return { cluster, mesh: joined }
}

function versions(nodes: readonly TestNode[]): string {
  return [...new Set(nodes.map((node) => node.node.head?.head.version))].join()
}

for (const count of [2, 5, 16, 40]) {
  test(`G3: one injection reaches ${count} nodes without waiting for an exchange`, () => {
    const { cluster, mesh: joined } = mesh(count)
    inject(joined.nodes[count - 1] as TestNode, signed(cluster, 2, { hosts: hostsOf(count) }))
    joined.settle()
    assert.equal(versions(joined.nodes), '2')
  })
}

test('G7: a body that is not inlined crosses the network once for each node', () => {
  const { cluster, mesh: joined } = mesh(25, false)
  joined.carried.documents = 0
  inject(joined.nodes[3] as TestNode, signed(cluster, 2, { hosts: hostsOf(25) }))
  joined.run(1_000)
  assert.equal(versions(joined.nodes), '2')
  assert.equal(joined.carried.documents, 24)
})

test('G5, G11: a cut heals by itself, and a newer config of one side reaches the other', () => {
  const { cluster, mesh: joined } = mesh(3)
  joined.cut(0, 2)
  joined.cut(1, 2)
  inject(joined.nodes[0] as TestNode, signed(cluster, 2, { hosts: hostsOf(3) }))
  joined.run(200_000)
  assert.equal(joined.nodes[2]?.node.head?.head.version, 1)
  assert.ok(joined.nodes[2]?.node.alarms.has('isolated '))
  joined.heal()
  joined.run(6_000)
  assert.equal(versions(joined.nodes), '2')
  assert.equal(joined.nodes[2]?.node.alarms.size, 0)
})

test('P4: a removed host is sent the head that removes it and dropped within 5 s', () => {
  const { cluster, mesh: joined } = mesh(3)
  const { h0, h1 } = hostsOf(3)
  inject(joined.nodes[0] as TestNode, signed(cluster, 2, { hosts: { h0, h1 } }))
  joined.run(5_000)
  const [first, , removed] = joined.nodes
  assert.equal(removed?.node.head?.head.version, 2)
  assert.ok(removed && hostState(removed.node) === 'not-listed')
  assert.equal(first?.node.peers.has(removed.peerId), false)
  assert.equal(
    [...removed.node.peers.values()].some((peer) => peer.phase === 'greeted'),
    false,
  )
})

test('P5, G10: a peer that sends what does not verify is dropped and kept away for a while', () => {
  const { cluster, mesh: joined } = mesh(2)
  const [node, bad] = joined.nodes as [TestNode, TestNode]
  const forged = signEnvelope(configText(cluster, 9), cluster.operators)
  const config = { ...documentIn(forged), payload: documentIn(signed(cluster, 8)).payload }
  const head = { epoch: 1, version: 9, digest: digestOf(config.payload) }
  node.feed({
    kind: 'received',
    peer: bad.peerId,
    message: { kind: 'head', head },
    delivery: { roots: [], config },
  })
  assert.equal(node.take('drop').length, 1)
  const [admitted] = node.take('admit')
  assert.equal(admitted?.but.has(bad.peerId), true)
  assert.equal(node.node.head?.head.version, 1)
})

test('H5, H6: a status spreads to every host, is bounded in rate, and traffic settles', () => {
  const { mesh: joined } = mesh(5)
  joined.run(35_000)
  for (const { node } of joined.nodes) {
    const states = statusView(node).hosts.map((host) => `${host.host} ${host.state}`)
    assert.deepEqual(states, ['h0 in-sync', 'h1 in-sync', 'h2 in-sync', 'h3 in-sync', 'h4 in-sync'])
  }
  joined.carried.messages = 0
  joined.run(60_000)
  const quiet = joined.carried.messages
  joined.run(60_000)
  assert.ok(
    joined.carried.messages - quiet <= quiet * 1.25,
    `${quiet} then ${joined.carried.messages - quiet}`,
  )
})
