import { dialMsMax, fetchMsMax, inlineDocumentBytesMax } from '../protocol/limits.ts'
import type { Delivery, Message } from '../protocol/messages.ts'
import { rootsAfter } from '../protocol/node/chain.ts'
import type { HeldConfig } from '../protocol/node/durable.ts'
import type { Input } from '../protocol/node/effects.ts'
import { wantsDocument } from '../protocol/node/gossip.ts'
import { documentHeld } from '../protocol/node/state.ts'
import { type Cluster, hasTunnel, type SimHost } from './cluster.ts'
import { between, chance, mark } from './world.ts'

/** A connection with its gossip stream: known to each end only once it has been told. */
interface Connection {
  readonly a: SimHost
  readonly b: SimHost
  isOpen: boolean
  /** When the last message each way arrives: a stream keeps its order. */
  lastToA: number
  lastToB: number
}

/** How long a vanished peer goes unnoticed, in ms: the overlay's heartbeats. */
const silenceMs = { least: 3_500, most: 5_250 }
/** Bytes of a message without a document, about. */
const messageBytes = 120

/** Carries what hosts say to each other, over tunnels that come and go. */
export interface Network {
  dial(from: SimHost, peerId: string): void
  drop(from: SimHost, peerId: string): void
  send(from: SimHost, peerId: string, message: Message, delivery: Delivery | null): void
  announce(from: SimHost, peers: readonly string[], held: HeldConfig): void
  fetch(from: SimHost, peerId: string, digest: string, epoch: number): void
  /** The process of a host has ended: its sockets are closed (`said`), or it just falls silent. */
  vanish(host: SimHost, said: boolean): void
  isConnected(a: SimHost, b: SimHost): boolean
  /** Something about tunnels changed: connections without one are found dead in a while. */
  recheck(): void
}

/** A network without connections. `feed` hands an input to a host's node, if it still lives that life. */
export function createNetwork(
  cluster: Cluster,
  feed: (host: SimHost, life: number, input: Input) => void,
): Network {
  const { world, faults, counts, byPeer } = cluster
  const connections = new Map<string, Connection>()
  const keyOf = (a: SimHost, b: SimHost): string =>
    a.index < b.index ? `${a.index}-${b.index}` : `${b.index}-${a.index}`
  const latency = (): number => faults.latencyMs + between(world.random, 0, faults.jitterMs)

  const close = (connection: Connection, reason: string): void => {
    if (!connection.isOpen) return
    connection.isOpen = false
    connections.delete(keyOf(connection.a, connection.b))
    for (const [host, other] of [
      [connection.a, connection.b],
      [connection.b, connection.a],
    ] as const) {
      const { life } = host
      mark(world, reason.length)
      world.after(latency(), () => feed(host, life, { kind: 'peer-down', peer: other.peerId }))
    }
  }

  /** A connection whose tunnel is gone is found out by silence, unless the tunnel is back by then. */
  const suspect = (connection: Connection): void => {
    world.after(between(world.random, silenceMs.least, silenceMs.most), () => {
      if (!hasTunnel(cluster, connection.a, connection.b)) close(connection, 'silent')
    })
  }

  const carry = (connection: Connection, to: SimHost, bytes: number, run: () => void): void => {
    if (!hasTunnel(cluster, connection.a, connection.b)) return suspect(connection)
    if (chance(world.random, faults.lost)) return
    counts.messages++
    counts.bytes += bytes
    const toA = to === connection.a
    const arrives = world.now + latency() + bytes / faults.bytesPerMs
    const last = toA ? connection.lastToA : connection.lastToB
    const inOrder = chance(world.random, faults.reordered) ? arrives : Math.max(last, arrives)
    if (toA) connection.lastToA = inOrder
    else connection.lastToB = inOrder
    world.after(inOrder - world.now, run)
    if (chance(world.random, faults.doubled)) world.after(inOrder - world.now + latency(), run)
  }

  const send: Network['send'] = (from, peerId, message, delivery) => {
    const to = byPeer.get(peerId)
    const connection = to && connections.get(keyOf(from, to))
    if (!to || !connection) return
    const { life } = to
    const bytes = messageBytes + (delivery === null ? 0 : delivery.config.payload.length / 3)
    carry(connection, to, bytes, () => {
      if (!connection.isOpen || to.node === null) return
      mark(world, to.index)
      // As the shell does: a document is unpacked only where it is wanted.
      const head = message.kind === 'head' ? message.head : null
      const wanted = delivery !== null && head !== null && wantsDocument(to.node, head)
      if (wanted) counts.documents++
      const input = { kind: 'received', peer: from.peerId, message } as const
      feed(to, life, { ...input, delivery: wanted ? delivery : null })
    })
  }

  return {
    send,
    announce(from, peers, held) {
      const small = held.document.payload.length / 3 <= inlineDocumentBytesMax
      const delivery = small ? { roots: [], config: held.document } : null
      for (const peer of peers) send(from, peer, { kind: 'head', head: held.head }, delivery)
    },
    dial(from, peerId) {
      counts.dials++
      const to = byPeer.get(peerId)
      const { life } = from
      const fail = (afterMs: number): void =>
        world.after(afterMs, () => feed(from, life, { kind: 'dial-failed', peer: peerId }))
      if (to === undefined || !hasTunnel(cluster, from, to)) return fail(dialMsMax)
      world.after(2 * latency(), () => {
        if (from.life !== life || from.node === null) return
        if (to.node === null || !admits(to, from.peerId) || !admits(from, peerId)) return fail(0)
        const key = keyOf(from, to)
        if (connections.has(key)) return fail(0)
        const connection = { a: from, b: to, isOpen: true, lastToA: 0, lastToB: 0 }
        connections.set(key, connection)
        feed(to, to.life, { kind: 'peer-up', peer: from.peerId })
        feed(from, life, { kind: 'peer-up', peer: peerId })
      })
    },
    drop(from, peerId) {
      const to = byPeer.get(peerId)
      const connection = to && connections.get(keyOf(from, to))
      if (connection) world.after(latency(), () => close(connection, 'dropped'))
    },
    fetch(from, peerId, digest, epoch) {
      const to = byPeer.get(peerId)
      const { life } = from
      let answered = false
      const answer = (input: Input): void => {
        if (answered) return
        answered = true
        feed(from, life, input)
      }
      const failed: Input = { kind: 'fetch-failed', peer: peerId, digest }
      world.after(fetchMsMax, () => answer(failed))
      const connection = to && connections.get(keyOf(from, to))
      if (!to || !connection) return void world.after(1, () => answer(failed))
      carry(connection, to, messageBytes, () => {
        if (to.node === null || to.isBad) return
        const held = documentHeld(to.node, digest)
        const roots = held === null ? [] : rootsAfter(to.node, epoch).map((root) => root.document)
        const delivery = held === null ? null : { roots, config: held.document }
        const bytes = messageBytes + (held?.document.payload.length ?? 0) / 3
        carry(connection, from, bytes, () => {
          if (delivery !== null) counts.documents++
          answer({ kind: 'fetched', peer: peerId, digest, delivery })
        })
      })
    },
    vanish(host, said) {
      for (const connection of connections.values()) {
        if (connection.a !== host && connection.b !== host) continue
        if (said) close(connection, 'closed')
        else
          world.after(between(world.random, silenceMs.least, silenceMs.most), () =>
            close(connection, 'silent'),
          )
      }
    },
    isConnected: (a, b) => connections.has(keyOf(a, b)),
    recheck() {
      for (const connection of connections.values()) {
        if (!hasTunnel(cluster, connection.a, connection.b)) suspect(connection)
      }
    },
  }
}

/** The gater's question, asked of the node that the gater was told by. */
function admits(host: SimHost, peerId: string): boolean {
  const { node } = host
  if (node === null) return false
  const peer = node.peers.get(peerId)
  if (peer !== undefined && peer.bannedUntil > node.now) return false
  return node.listing.byPeer.has(peerId) || node.leaving.has(peerId)
}
