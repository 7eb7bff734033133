import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import { chooseNeighbours } from '../../protocol/node/topology.ts'
import { hostState } from '../../protocol/node/view.ts'
import { makeCluster, meshSection, somePeerId, type TestCluster } from './cluster.ts'
import { joinNodes } from './mesh.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

/** Answers every write that waits with a full disk. */
function failWrites(node: TestNode): number {
  const writes = node.take('persist')
  const error = { code: 'disk-full', message: 'full' }
  for (const { token } of writes) node.feed({ kind: 'persist-failed', token, error })
  return writes.length
}

function alarmsOf({ node }: TestNode): readonly string[] {
  return [...node.alarms.values()].map((alarm) => alarm.code).sort()
}

test('a full disk: the alarm ends when there is room again, whoever signs nothing (D4)', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(1) }))
  node.holdWrites = true
  inject(node, signed(cluster, 2, { hosts: hostsOf(1) }))
  let tries = failWrites(node)
  for (let now = 0; now <= 60_000; now += 500) {
    node.feed({ kind: 'tick', now })
    tries += failWrites(node)
  }
  assert.deepEqual(alarmsOf(node), ['storage'])
  assert.ok(tries >= 5 && tries <= 15, `${tries} writes in a minute`)
  node.holdWrites = false
  for (let now = 60_000; now <= 70_000; now += 500) node.feed({ kind: 'tick', now })
  assert.deepEqual(alarmsOf(node), [])
  assert.equal(node.node.head?.head.version, 1)
  const { length } = node.writes
  for (let now = 70_000; now <= 90_000; now += 500) node.feed({ kind: 'tick', now })
  assert.equal(node.writes.length, length)
})

/** Version 2 leaves version 1 out, and version 3 leaves nothing out. */
function branched(cluster: TestCluster, versions: number): readonly [TestNode, HeldConfig | null] {
  const node = startTestNode(durableOf(cluster, 0))
  const other = `sha256:${'0'.repeat(64)}`
  inject(node, signed(cluster, 1, { hosts: hostsOf(1) }))
  inject(node, signed(cluster, 2, { hosts: hostsOf(1), ancestors: [[1, 1, other]] }))
  const second = node.node.head
  const ancestors = [
    [1, 2, second?.head.digest],
    [1, 1, other],
  ]
  if (versions === 3) inject(node, signed(cluster, 3, { hosts: hostsOf(1), ancestors }))
  return [node, second]
}

test('O8: a lost branch is told after a restart, until a version leaves nothing out', () => {
  for (const [versions, alarms] of [
    [2, ['lost-branch']],
    [3, []],
  ] as const) {
    const cluster = makeCluster()
    const [before] = branched(cluster, versions)
    assert.deepEqual(alarmsOf(before), alarms, `version ${versions}`)
    const { head, previous, confirmed, floor, evidence } = before.node
    assert.equal(evidence.size, 1)
    const kept = [...evidence.values()]
    const state = { head, previous, confirmed, floor, evidence: kept }
    assert.deepEqual(alarmsOf(startTestNode(durableOf(cluster, 0, state))), alarms)
    const lost = startTestNode(durableOf(cluster, 0, { ...state, previous: null }))
    assert.deepEqual(alarmsOf(lost), ['lost-branch'], 'rather told too often than never')
  }
})

test('T5: two hosts without endpoints dial each other rarely until they have met', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 3))
  inject(node, signed(cluster, 1, { hosts: hostsOf(5) }))
  const dialsOf = (fromMs: number, toMs: number): Map<string, number> => {
    const dials = new Map<string, number>()
    for (let now = fromMs; now < toMs; now += 250) {
      node.feed({ kind: 'tick', now })
      for (const { place } of node.take('dial')) {
        dials.set(place.host, (dials.get(place.host) ?? 0) + 1)
        node.feed({ kind: 'dial-failed', peer: place.peerId })
      }
    }
    return dials
  }
  dialsOf(0, 300_000)
  const dials = dialsOf(300_000, 600_000)
  for (const host of ['h2', 'h4']) {
    const count = dials.get(host) ?? 0
    assert.ok(count >= 5 && count <= 10, `${host} ${count} times in five minutes`)
  }
  for (const host of ['h0', 'h1']) assert.ok((dials.get(host) ?? 0) >= 60, host)
  node.feed({ kind: 'peer-up', peer: somePeerId(4) })
  node.feed({ kind: 'peer-down', peer: somePeerId(4) })
  const later = dialsOf(600_000, 900_000)
  assert.ok((later.get('h4') ?? 0) >= 60)
  assert.ok((later.get('h2') ?? 0) <= 10)
})

test('T5: a config that opens a path ends the long wait for it', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 3))
  inject(node, signed(cluster, 1, { hosts: hostsOf(4) }))
  const waits = (): number => (node.node.peers.get(somePeerId(2))?.dialAt ?? 0) - node.node.now
  let now = 0
  for (; now < 600_000 && waits() < 30_000; now += 250) {
    node.feed({ kind: 'tick', now })
    for (const { place } of node.take('dial')) {
      node.feed({ kind: 'dial-failed', peer: place.peerId })
    }
  }
  assert.ok(waits() >= 30_000)
  const hosts: Record<string, object> = { ...hostsOf(4), h2: openSection(2) }
  inject(node, signed(cluster, 2, { hosts }))
  assert.ok(waits() <= 5_000)
})

function openSection(index: number): object {
  const { wg_network: network, agent } = meshSection(index) as Record<string, object>
  return { wg_network: { ...network, endpoint: '203.0.113.9:51820' }, agent }
}

test('T4: a random link that moves on leaves whoever counts this host among its neighbours', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  const hosts: Record<string, object> = hostsOf(40)
  for (const index of [0, 1, 2, 3, 4, 5]) hosts[`h${index}`] = openSection(index)
  inject(node, signed(cluster, 1, { hosts }))
  const { neighbours, listing } = node.node
  const counts = ({ peerId }: { readonly peerId: string }): boolean =>
    chooseNeighbours(peerId, listing).has(node.peerId)
  // One of six with an endpoint: some that are no neighbours of it keep a connection to it.
  const others = listing.places.filter((place) => !neighbours.has(place.peerId))
  const counting = others.find(counts)
  const passing = others.find((place) => place.peerId !== node.peerId && !counts(place))
  assert.ok(counting && passing)
  for (const [place, drops] of [
    [counting, 0],
    [passing, 1],
  ] as const) {
    const known = [...neighbours, place.peerId]
    for (const peer of known) greet(node, cluster, peer)
    node.node.randomPeer = place.peerId
    node.effects.length = 0
    node.feed({ kind: 'tick', now: node.node.randomDialAt + 1 })
    const dropped = node.take('drop').filter(({ reason }) => reason.includes('random'))
    assert.equal(dropped.length, drops, place.host)
    for (const peer of known) node.feed({ kind: 'peer-down', peer })
  }
})

function greet(node: TestNode, cluster: TestCluster, peer: string): void {
  node.feed({ kind: 'peer-up', peer })
  const said = { gossip: 1, agent_version: 'test', cluster: cluster.id, head: null } as const
  node.feed({ kind: 'received', peer, message: { kind: 'hello', ...said }, delivery: null })
}

test('what is missing at a start is named, whichever files are gone (D5, D6)', () => {
  const cluster = makeCluster()
  const [node, second] = branched(cluster, 2)
  const { floor, confirmed } = node.node
  const gone = { code: 'state-damaged', message: 'floor.json is gone' }
  const damagedHead = { code: 'state-damaged', message: 'head.json is damaged' }
  const cases = [
    [
      { floorKnown: false, damage: [gone] },
      /floor\.json is gone; no head\.json and no confirmed\.json is there;/,
    ],
    [
      { floorKnown: false, damage: [damagedHead, gone], confirmed },
      /^head\.json is damaged; floor\.json is gone; asking/,
    ],
    [{ floor, damage: [] }, /^head\.json is gone; asking/],
    [{ floor, damage: [damagedHead] }, /^head\.json is damaged; asking/],
    [
      { floor, head: second, damage: [{ ...gone, message: 'previous.json is damaged' }] },
      /^previous/,
    ],
  ] as const
  for (const [state, message] of cases) {
    const started = startTestNode(durableOf(cluster, 0, state))
    assert.match(started.node.alarms.get('state-damaged ')?.message ?? '', message)
  }
})

test('a host that never had a config is not listed, and does not say that it applies one', () => {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  assert.equal(hostState(node.node), 'not-listed')
  joinNodes([node]).run(60_000)
  assert.equal(hostState(node.node), 'not-listed')
  inject(node, signed(cluster, 1, { hosts: hostsOf(1) }))
  assert.equal(hostState(node.node), 'in-sync')
})
