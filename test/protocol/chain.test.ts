import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDelivery } from '../../protocol/documents/delivery.ts'
import type { Envelope } from '../../protocol/documents/envelope.ts'
import { hostState } from '../../protocol/node/view.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  makeKey,
  meshSection,
  signEnvelope,
  type TestCluster,
  type TestKey,
} from './cluster.ts'
import { joinNodes } from './mesh.ts'
import { durableOf, startTestNode, type TestNode } from './nodes.ts'

interface Rotation {
  readonly envelope: Envelope
  readonly digest: string
  readonly keys: readonly TestKey[]
}

/** Root `epoch` with these keys in both roles, signed by whoever is named. */
function rotate(
  epoch: number,
  previous: string | readonly string[],
  keys: readonly TestKey[],
  signers: readonly TestKey[],
  threshold = 1,
): Rotation {
  const named = keys.map((key, index) => [key.kid, { name: `op${epoch}${index}`, jwk: key.jwk }])
  const role = { threshold, keys: Object.fromEntries(named) }
  const text = JSON.stringify({ epoch, previous, cluster: 'home', root: role, config: role })
  const envelope = signEnvelope(text, signers, { alg: 'Ed25519', typ: 'covey-root+jwt' })
  return { envelope, digest: digestOf(text), keys }
}

function hosts(count: number): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`h${index}`, meshSection(index)]),
  )
}

let requests = 0
function hand(node: TestNode, roots: readonly Rotation[], config: Envelope): string {
  node.feed({
    kind: 'injected',
    request: ++requests,
    delivery: { roots: roots.map((root) => documentIn(root.envelope)), config: documentIn(config) },
    options: { allowGap: false, allowIsolation: false },
  })
  return node.verdicts.at(-1)?.code ?? 'none'
}

function signed(
  cluster: TestCluster,
  epoch: number,
  version: number,
  keys: readonly TestKey[],
  count = 3,
): Envelope {
  return signEnvelope(configText(cluster, version, { epoch, hosts: hosts(count) }), keys)
}

function mesh(count: number): {
  cluster: TestCluster
  nodes: TestNode[]
  joined: ReturnType<typeof joinNodes>
} {
  const cluster = makeCluster()
  const first = signed(cluster, 1, 1, cluster.operators, count)
  const nodes = Array.from({ length: count }, (_, index) => {
    const node = startTestNode(durableOf(cluster, index), index + 1)
    hand(node, [], first)
    return node
  })
  const joined = joinNodes(nodes)
  joined.run(5_000)
  return { cluster, nodes, joined }
}

test('R11: a new root takes effect with a config that verifies under it, and both at once', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  hand(node, [], signed(cluster, 1, 1, cluster.operators))
  const key = makeKey()
  const two = rotate(2, cluster.id, [key], [...cluster.operators, key])
  assert.equal(hand(node, [], signed(cluster, 2, 1, [key])), 'unknown-key')
  assert.equal(hand(node, [two], signed(cluster, 2, 1, cluster.operators)), 'below-threshold')
  assert.equal(node.node.roots.length, 1)
  assert.equal(hand(node, [two], signed(cluster, 2, 2, [key])), 'gap')
  assert.equal(hand(node, [two], signed(cluster, 2, 1, [key])), 'accepted')
  assert.equal(node.node.roots.length, 2)
  const { roots, head } = node.writes.at(-2) ?? {}
  assert.deepEqual([roots?.map((root) => root.root.epoch), head?.head.epoch], [[2], 2])
  assert.equal(hand(node, [], signed(cluster, 1, 2, cluster.operators)), 'older')
})

test('R10: a new root takes a threshold of the old keys and of its own, and is the next', () => {
  const cluster = makeCluster(3, 2)
  const [a, b, c] = cluster.operators as [TestKey, TestKey, TestKey]
  const [x, y] = [makeKey(), makeKey()]
  const node = startTestNode(durableOf(cluster, 0))
  const config = signed(cluster, 2, 1, [x, y])
  const refusals: readonly (readonly [root: Rotation, code: string])[] = [
    [rotate(2, cluster.id, [x, y], [a, x, y], 2), 'below-threshold'],
    [rotate(2, cluster.id, [x, y], [a, b, x], 2), 'below-threshold'],
    [rotate(2, cluster.id, [x, y], [x, y], 2), 'unknown-key'],
    [rotate(3, cluster.id, [x, y], [a, b, x, y], 2), 'root-chain'],
    [rotate(2, digestOf('other'), [x, y], [a, b, x, y], 2), 'root-chain'],
  ]
  for (const [root, code] of refusals) {
    assert.equal(hand(node, [root], config), code)
    assert.equal(node.node.roots.length, 1)
  }
  assert.equal(hand(node, [rotate(2, cluster.id, [x, y], [b, c, x, y], 2)], config), 'accepted')
})

test('O3: a host that was cut off follows several rotations; the old key is dead', () => {
  const { cluster, nodes, joined } = mesh(3)
  joined.cut(0, 2)
  joined.cut(1, 2)
  const [first, , behind] = nodes as [TestNode, TestNode, TestNode]
  const [k2, k3] = [makeKey(), makeKey()]
  const two = rotate(2, cluster.id, [k2], [...cluster.operators, k2])
  const three = rotate(3, two.digest, [k3], [k2, k3])
  assert.equal(hand(first, [two], signed(cluster, 2, 1, [k2])), 'accepted')
  assert.equal(hand(first, [three], signed(cluster, 3, 1, [k3])), 'accepted')
  assert.equal(hand(behind, [], signed(cluster, 1, 2, cluster.operators)), 'accepted')
  joined.run(2_000)
  joined.heal()
  joined.run(10_000)
  assert.deepEqual(
    nodes.map(({ node }) => [node.head?.head.epoch, node.roots.length]),
    [
      [3, 3],
      [3, 3],
      [3, 3],
    ],
  )
  for (const node of nodes)
    assert.equal(hand(node, [], signed(cluster, 1, 3, cluster.operators)), 'older')
  assert.equal(
    nodes.every(({ node }) => [...node.alarms.values()].length === 0),
    true,
  )
})

test('R12, R13: two second roots: both sides say so, nobody is banned, a third settles it', () => {
  const { cluster, nodes, joined } = mesh(2)
  const [left, right] = nodes as [TestNode, TestNode]
  joined.cut(0, 1)
  const [ka, kb, kc] = [makeKey(), makeKey(), makeKey()]
  const a = rotate(2, cluster.id, [ka], [...cluster.operators, ka])
  const b = rotate(2, cluster.id, [kb], [...cluster.operators, kb])
  assert.equal(hand(left, [a], signed(cluster, 2, 1, [ka], 2)), 'accepted')
  assert.equal(hand(right, [b], signed(cluster, 2, 2, [kb], 2)), 'gap')
  const other = configText(cluster, 1, { epoch: 2, hosts: hosts(2), iat: 7 })
  assert.equal(hand(right, [b], signEnvelope(other, [kb])), 'accepted')
  joined.heal()
  joined.run(60_000)
  const alarms = nodes.map(({ node }) =>
    [...node.alarms.values()].map((alarm) => alarm.code).join(),
  )
  assert.ok(
    alarms.every((codes) => codes.includes('root-fork')),
    alarms.join(' | '),
  )
  for (const { node } of nodes) {
    assert.deepEqual(
      [...node.peers.values()].map((peer) => peer.phase),
      ['greeted'],
    )
  }
  const three = rotate(3, [a.digest, b.digest].sort(), [kc], [ka, kb, kc])
  assert.equal(hand(left, [a, b, three], signed(cluster, 3, 1, [kc], 2)), 'accepted')
  joined.run(60_000)
  assert.deepEqual(
    nodes.map(({ node }) => node.head?.head.epoch),
    [3, 3],
  )
  assert.ok(nodes.every(({ node }) => !node.alarms.has('root-fork ')))
})

test('G8: a fork is known to every node in the end, also to those that met only the winner', () => {
  const { cluster, nodes, joined } = mesh(3)
  joined.cut(0, 1)
  joined.cut(1, 2)
  const left = signEnvelope(configText(cluster, 2, { hosts: hosts(3), iat: 1 }), cluster.operators)
  const right = signEnvelope(configText(cluster, 2, { hosts: hosts(3), iat: 2 }), cluster.operators)
  hand(nodes[0] as TestNode, [], left)
  hand(nodes[1] as TestNode, [], right)
  joined.run(2_000)
  joined.heal()
  joined.run(70_000)
  assert.equal(new Set(nodes.map(({ node }) => node.head?.head.digest)).size, 1)
  for (const { node } of nodes) assert.ok(node.alarms.has('fork '), node.self.host)
})

test('troubles outlive a restart: fork, lost branch, damage', () => {
  const cluster = makeCluster()
  const before = startTestNode(durableOf(cluster, 0))
  hand(before, [], signEnvelope(configText(cluster, 1, { iat: 1 }), cluster.operators))
  hand(before, [], signEnvelope(configText(cluster, 1, { iat: 2 }), cluster.operators))
  const { head, evidence } = before.node
  const damage = [{ code: 'state-damaged', message: 'previous.json: is gone' }]
  const after = startTestNode(
    durableOf(cluster, 0, { head, evidence: [...evidence.values()], damage }),
  )
  const codes = [...after.node.alarms.values()].map((alarm) => alarm.code)
  assert.deepEqual(codes.sort(), ['fork', 'state-damaged'])
})

test('D6: without a floor nothing new is taken until most peers have answered', () => {
  const { cluster, nodes } = mesh(3)
  const lost = startTestNode(
    durableOf(cluster, 0, {
      head: nodes[0]?.node.head ?? null,
      confirmed: nodes[0]?.node.head ?? null,
      floorKnown: false,
    }),
    9,
  )
  assert.equal(hostState(lost.node), 'floor-unknown')
  assert.equal(lost.take('adopt').length, 1)
  assert.equal(hand(lost, [], signed(cluster, 1, 2, cluster.operators)), 'floor-unknown')
  const joined = joinNodes([lost, nodes[1] as TestNode, nodes[2] as TestNode])
  joined.run(5_000)
  assert.equal(hostState(lost.node), 'in-sync')
  assert.equal(hand(lost, [], signed(cluster, 1, 2, cluster.operators)), 'accepted')
})

test('a full disk is not asked again and again', () => {
  const { cluster, nodes, joined } = mesh(2)
  const [node, peer] = nodes as [TestNode, TestNode]
  node.holdWrites = true
  hand(peer, [], signed(cluster, 1, 2, cluster.operators, 2))
  joined.settle()
  let failures = 0
  for (let round = 0; round < 20; round++) {
    for (const write of node.take('persist')) {
      failures++
      node.feed({
        kind: 'persist-failed',
        token: write.token,
        error: { code: 'disk-full', message: 'full' },
      })
    }
    joined.run(1_000)
  }
  assert.ok(failures >= 2 && failures <= 6, String(failures))
  node.holdWrites = false
  for (const write of node.take('persist')) node.feed({ kind: 'persisted', token: write.token })
  joined.run(10_000)
  assert.equal(node.node.head?.head.version, 2)
})

test('what a user hands over may bring roots; its faults are named with their place', () => {
  const key = makeKey()
  const envelope = signEnvelope('{}', [key])
  const codeOf = (value: unknown): string => {
    const parsed = parseDelivery(typeof value === 'string' ? value : JSON.stringify(value))
    return parsed.ok
      ? `good ${parsed.value.roots.length}`
      : `${parsed.fault.code} ${parsed.fault.path}`
  }
  assert.equal(codeOf(envelope), 'good 0')
  assert.equal(codeOf({ roots: [envelope], config: envelope }), 'good 1')
  assert.equal(codeOf({ roots: [{}], config: envelope }), 'envelope-shape roots.0')
  assert.equal(codeOf({ roots: {}, config: envelope }), 'envelope-shape roots')
  assert.equal(
    codeOf({ roots: [], config: { ...envelope, signatures: [] } }),
    'no-signatures config.signatures',
  )
  assert.equal(codeOf('{"roots":'), 'envelope-not-json undefined')
})

test('P6, D7: with head and confirmed gone, the one before keeps the tunnels and the peers', () => {
  const { nodes } = mesh(3)
  const { head } = (nodes[0] as TestNode).node
  assert.ok(head !== null)
  const start = durableOf(makeCluster(), 0, { roots: nodes[0]?.node.roots ?? [] })
  const lost = startTestNode({ ...start, previous: head, floor: head.head })
  assert.equal(lost.take('adopt').length, 1)
  assert.ok(lost.node.alarms.has('state-damaged '))
  const joined = joinNodes([lost, nodes[1] as TestNode, nodes[2] as TestNode])
  joined.run(5_000)
  assert.equal(lost.node.head?.head.digest, head.head.digest)
  assert.equal(lost.node.alarms.size, 0)
})
