import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { peerPlaces } from '../../protocol/documents/agent-object.ts'
import type { Envelope } from '../../protocol/documents/envelope.ts'
import { exchangeMs, fetchRetryMs, fullMeshHostsMax } from '../../protocol/limits.ts'
import { type Message, parseMessage } from '../../protocol/messages.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import { listingOf } from '../../protocol/node/listing.ts'
import { chooseNeighbours } from '../../protocol/node/topology.ts'
import {
  digestOf,
  documentIn,
  makeCluster,
  meshSection,
  signEnvelope,
  somePeerId,
} from './cluster.ts'
import { durableOf, hostsOf, inject, signed, startTestNode, type TestNode } from './nodes.ts'

// Clauses of docs/PROTOCOL.md, each looked at alone; tests of whole behaviour stand beside.

const peer = somePeerId(1)

/** The section of a host that can be dialled from anywhere. */
function openSection(index: number): object {
  const { wg_network: network, agent } = meshSection(index) as Record<string, object>
  return { wg_network: { ...network, endpoint: '203.0.113.9:51820' }, agent }
}

function say(node: TestNode, message: Message, from = peer): void {
  node.feed({ kind: 'received', peer: from, message, delivery: null })
}

function hello(cluster: string, head: HeldConfig['head'] | null = null): Message {
  return { kind: 'hello', gossip: 1, agent_version: 'x', cluster, head }
}

/** Host 0 of a mesh of `count` at version 1, with hosts greeted by their numbers. */
function meshNode(count: number, greeted: readonly number[] = []) {
  const cluster = makeCluster()
  const node = startTestNode(durableOf(cluster, 0))
  inject(node, signed(cluster, 1, { hosts: hostsOf(count) }))
  node.feed({ kind: 'tick', now: 1_000 })
  for (const index of greeted) {
    node.feed({ kind: 'peer-up', peer: somePeerId(index) })
    say(node, hello(cluster.id, node.node.head?.head ?? null), somePeerId(index))
  }
  node.effects.length = 0
  return { cluster, node }
}

/** Host 1 announces a document that rides along, under its own digest or another. */
function announce(node: TestNode, envelope: Envelope, digest?: string): void {
  const config = documentIn(envelope)
  const { epoch, version } = JSON.parse(Buffer.from(config.payload).toString())
  const head = { epoch, version, digest: digest ?? digestOf(config.payload) }
  const delivery = { roots: [], config }
  node.feed({ kind: 'received', peer, message: { kind: 'head', head }, delivery })
}

function alarmsOf({ node }: TestNode): readonly string[] {
  return [...node.alarms.values()].map(({ code }) => code)
}

describe('documents', () => {
  it('C8, C10: neither iat nor a member that is not known decides anything', () => {
    const { cluster, node } = meshNode(1)
    for (const [version, members] of [
      [2, { iat: 9e12 }],
      [3, { iat: 1 }],
      [4, { iat: 'yesterday', x_new: { a: [1] } }],
    ] as const) {
      const envelope = signed(cluster, version, { hosts: hostsOf(1), ...members })
      assert.equal(inject(node, envelope), 'accepted accepted')
      assert.deepEqual(node.node.head?.document.payload, documentIn(envelope).payload)
    }
  })

  it('R14: a root 1 that is not the own one is another cluster’s', () => {
    const { cluster, node } = meshNode(1)
    const text = Buffer.from(cluster.root.document.payload).toString().replace('"home"', '"away"')
    const header = { alg: 'Ed25519', typ: 'covey-root+jwt' }
    const roots = [documentIn(signEnvelope(text, cluster.operators, header))]
    const config = documentIn(signed(cluster, 2))
    const options = { allowGap: false, allowIsolation: false }
    node.feed({ kind: 'injected', request: 1e6, delivery: { roots, config }, options })
    assert.equal(node.verdicts.at(-1)?.code, 'other-cluster')
    assert.equal(node.node.head?.head.version, 1)
  })

  it('O2: another cluster’s config from a peer raises an alarm', () => {
    const { cluster, node } = meshNode(2, [1])
    const other = signed(cluster, 2, { aud: digestOf('other') })
    announce(node, other)
    assert.deepEqual(alarmsOf(node), ['other-cluster'])
    assert.equal(node.node.head?.head.version, 1)
  })

  it('O9: by gossip a jump of more than one version is taken', () => {
    const { cluster, node } = meshNode(2, [1])
    announce(node, signed(cluster, 9, { hosts: hostsOf(2) }))
    assert.equal(node.node.head?.head.version, 9)
  })
})

describe('who connects', () => {
  const place = (config: Record<string, object>) =>
    peerPlaces({ hosts: config as never }).map(({ host, peerId }) => [host, peerId])

  it('P1: a place is that of the first sound agent, and of the first host of a peer id', () => {
    const { wg_network: network, agent } = meshSection(1) as Record<string, object>
    const faulty = { ...agent, peer_id: 'nobody' }
    const elsewhere = { ...agent, network: 'none' }
    assert.deepEqual(
      place({
        z: { wg_network: network, agent } as never,
        b: { wg_network: network, a: faulty, c: elsewhere, d: agent } as never,
        a: { wg_network: { ...network, address: undefined }, agent } as never,
      }),
      [['b', peer]],
    )
  })

  it('P2: peers of the config confirmed before are admitted until the head is confirmed', () => {
    const { cluster, node } = meshNode(2, [1])
    const [old, next] = [peer, somePeerId(7)]
    const hosts = { ...hostsOf(2), h1: meshSection(1, next) }
    assert.equal(inject(node, signed(cluster, 2, { hosts })), 'accepted accepted')
    const admitted = node.take('admit').map(({ listed, also }) => {
      return [old, next].map((each) => listed.has(each) || also.has(each))
    })
    assert.deepEqual(admitted[0], [true, true])
    assert.equal(node.node.confirmed?.head.version, 2)
    const { byPeer } = node.node.listing
    assert.deepEqual([byPeer.has(old), byPeer.has(next)], [false, true])
    // It is told why, and then let go (P4).
    node.feed({ kind: 'tick', now: 60_000 })
    assert.ok(node.take('drop').some((effect) => effect.peer === old))
    assert.equal(node.take('admit').at(-1)?.also.has(old), false)
  })

  const listed = (count: number) =>
    listingOf(
      Array.from({ length: count }, (_, index) => ({
        host: `h${String(index).padStart(4, '0')}`,
        peerId: somePeerId(index),
        address: '10.0.0.1',
        port: 4069,
        hasEndpoint: index < 2,
      })),
    )

  it('T1: up to the full mesh everyone connects to everyone', () => {
    const listing = listed(fullMeshHostsMax)
    for (const { peerId } of listing.places) {
      assert.equal(chooseNeighbours(peerId, listing).size, fullMeshHostsMax - 1)
    }
  })

  it('T2: above it at distances of powers of two, both ways, and to hosts with endpoints', () => {
    const count = 100
    const chosen = chooseNeighbours(somePeerId(50), listed(count))
    const powers = [1, 2, 4, 8, 16, 32, 64]
    const indexes = powers.flatMap((far) => [(50 + far) % count, (50 - far + count) % count])
    assert.deepEqual(chosen, new Set([...indexes, 0, 1].map(somePeerId)))
  })

  it('T3: with too few live connections others are dialled, by chance, with an endpoint', () => {
    const cluster = makeCluster()
    const node = startTestNode(durableOf(cluster, 50))
    const hosts = hostsOf(100)
    for (const index of [2, 3, 4, 5, 6, 7]) hosts[`h${index}`] = openSection(index)
    inject(node, signed(cluster, 1, { hosts }))
    const { neighbours, listing } = node.node
    const others = new Set<string>()
    for (let now = 0; now < 60_000; now += 500) {
      node.feed({ kind: 'tick', now })
      for (const { place } of node.take('dial')) {
        if (!neighbours.has(place.peerId)) others.add(place.peerId)
        node.feed({ kind: 'dial-failed', peer: place.peerId })
      }
    }
    const open = listing.open.map(({ peerId }) => peerId)
    assert.deepEqual([...others].sort(), open.filter((id) => !neighbours.has(id)).sort())
    assert.ok(others.size >= 4)
  })

  it('T8: what changes is kept of neighbours alone, however many hosts are listed', () => {
    const cluster = makeCluster()
    const node = startTestNode(durableOf(cluster, 3))
    inject(node, signed(cluster, 1, { hosts: hostsOf(1_000) }))
    for (let now = 0; now < 300_000; now += 500) {
      node.feed({ kind: 'tick', now })
      for (const { place } of node.take('dial')) {
        node.feed({ kind: 'dial-failed', peer: place.peerId })
      }
    }
    assert.equal(node.node.listing.places.length, 1_000)
    assert.ok(node.node.peers.size <= node.node.neighbours.size + 2, `${node.node.peers.size}`)
  })
})

describe('gossip', () => {
  it('G1: a hello with this cluster comes first, in time; a later one is news of a head', () => {
    const early = meshNode(2)
    early.node.feed({ kind: 'peer-up', peer })
    say(early.node, { kind: 'head', head: null })
    assert.match(early.node.take('drop')[0]?.reason ?? '', /before its hello/)
    const other = meshNode(2)
    other.node.feed({ kind: 'peer-up', peer })
    say(other.node, hello(digestOf('other')))
    assert.equal(other.node.take('drop').length, 1)
    assert.deepEqual(alarmsOf(other.node), ['other-cluster'])
    const silent = meshNode(2)
    silent.node.feed({ kind: 'peer-up', peer })
    for (let now = 1_500; now <= 7_000; now += 500) silent.node.feed({ kind: 'tick', now })
    assert.match(silent.node.take('drop')[0]?.reason ?? '', /no hello/)
    const { cluster, node } = meshNode(2, [1])
    say(node, hello(cluster.id, { epoch: 1, version: 7, digest: digestOf('x') }))
    assert.equal(node.node.peers.get(peer)?.head?.version, 7)
    assert.deepEqual(node.take('drop'), [])
  })

  it('G2: an unknown kind and unknown members are passed over, what is malformed is not', () => {
    const { node } = meshNode(2, [1])
    const kindOf = (text: string): string => {
      const parsed = parseMessage(text)
      return parsed.ok ? parsed.value.kind : parsed.fault.code
    }
    assert.equal(kindOf('{"kind":"of-tomorrow","x":1}'), 'unknown')
    assert.equal(kindOf('{"kind":"head","head":null,"x":1}'), 'head')
    for (const text of [
      '[]',
      '{}',
      '{"kind":7}',
      '{"kind":"head"}',
      '{"kind":"fork","heads":[7]}',
    ]) {
      assert.equal(kindOf(text), 'message', text)
    }
    say(node, { kind: 'unknown' })
    assert.deepEqual(node.take('drop'), [])
    node.feed({ kind: 'misbehaved', peer, reason: 'a head is malformed' })
    assert.equal(node.take('drop').length, 1)
  })

  it('G3: a head is not announced to the one that it came from', () => {
    const { cluster, node } = meshNode(4, [1, 2])
    announce(node, signed(cluster, 2, { hosts: hostsOf(4) }))
    assert.deepEqual(
      node.take('announce').flatMap(({ peers }) => peers),
      [somePeerId(2)],
    )
  })

  it('G4: heads are exchanged every 30 s, 20 % more or less', () => {
    const { node } = meshNode(2, [1])
    const at: number[] = []
    for (let now = 1_500; now < 400_000; now += 500) {
      node.feed({ kind: 'tick', now })
      if (node.take('send').some(({ message }) => message.kind === 'head')) at.push(now)
    }
    const waits = at.slice(1).map((now, index) => now - (at[index] ?? 0))
    assert.ok(waits.length >= 10)
    for (const wait of waits) {
      assert.ok(wait >= exchangeMs * 0.8 && wait <= exchangeMs * 1.2 + 500, `${wait} ms`)
    }
  })

  it('G5: whoever holds a lower head is told the own one', () => {
    const { node } = meshNode(2, [1])
    say(node, { kind: 'head', head: null })
    assert.deepEqual(node.take('announce')[0]?.peers, [peer])
  })

  it('G7: who does not deliver is asked again after 5 s, the next announcer meanwhile', () => {
    const { node } = meshNode(3, [1, 2])
    const head = { epoch: 1, version: 2, digest: digestOf('two') }
    const askedAt = (now: number): readonly string[] => {
      node.feed({ kind: 'tick', now })
      return node.take('fetch').map((effect) => effect.peer)
    }
    say(node, { kind: 'head', head })
    say(node, { kind: 'head', head }, somePeerId(2))
    assert.deepEqual(askedAt(2_000), [peer])
    node.feed({ kind: 'fetch-failed', peer, digest: head.digest })
    assert.deepEqual(askedAt(2_500), [somePeerId(2)])
    node.feed({ kind: 'fetched', peer: somePeerId(2), digest: head.digest, delivery: null })
    assert.deepEqual(askedAt(3_000), [])
    assert.deepEqual(askedAt(2_000 + fetchRetryMs + 500), [peer])
  })

  it('G9: what has another digest than was announced is a breach', () => {
    const { cluster, node } = meshNode(2, [1])
    announce(node, signed(cluster, 2, { hosts: hostsOf(2) }), digestOf('another'))
    assert.match(node.take('drop')[0]?.reason ?? '', /announced/)
    assert.equal(node.node.head?.head.version, 1)
  })
})
