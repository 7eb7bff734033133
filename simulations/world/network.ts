import { dialMsMax, fetchMsMax, inlineDocumentBytesMax } from '../../protocol/limits.ts'
import type { Delivery, Message } from '../../protocol/messages.ts'
import { rootsAfter } from '../../protocol/node/chain.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import type { Input } from '../../protocol/node/effects.ts'
import { wantsDocument } from '../../protocol/node/gossip.ts'
import { documentHeld } from '../../protocol/node/state.ts'
import { type Bucket, statusBucket, withinRate } from '../../protocol/rates.ts'
import { cover } from '../checks/coverage.ts'
import { type Cluster, hasTunnel, type SimHost } from './cluster.ts'
import {
  carry,
  close,
  connectionOf,
  connectionsOf,
  fallSilent,
  hasParted,
  join,
  latencyOf,
  suspect,
  type Wires,
} from './connections.ts'
import { mark } from './world.ts'

/**
 * Bytes of a message without its entries, and of an entry of a status digest or question, about.
 */
const messageBytes = 120
const entryBytes = 24
/** Signature of a status record, and the JSON around it. */
const signatureBytes = 120

function bytesOf(message: Message, delivery: Delivery | null): number {
  // A document rides along deflated.
  const document = delivery === null ? 0 : delivery.config.payload.length / 3
  switch (message.kind) {
    case 'status-digest':
      return messageBytes + message.known.length * entryBytes
    case 'status-want':
      return messageBytes + message.hosts.length * entryBytes
    case 'status':
      return message.records.reduce((sum, { text }) => sum + text.length + signatureBytes, 0)
    default:
      return messageBytes + document
  }
}

/** Hands an input to a host's node, if it still lives that life. */
type Feed = (host: SimHost, life: number, input: Input) => void

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
  /** Tunnels of one host, or of all, changed: connections without one are found dead in a while. */
  recheck(host: SimHost | null): void
}

/** A network without connections. */
export function createNetwork(cluster: Cluster, feed: Feed): Network {
  const parted: Wires['parted'] = (host, life, peer) =>
    feed(host, life, { kind: 'peer-down', peer })
  const wires: Wires = {
    cluster,
    links: cluster.hosts.map(() => new Map()),
    parting: new Map(),
    rates: new Map(),
    parted,
  }
  const { byPeer, world } = cluster
  const send: Network['send'] = (from, peerId, message, delivery) =>
    sendMessage(wires, feed, from, byPeer.get(peerId), message, delivery)
  return {
    send,
    announce(from, peers, held) {
      const small = held.document.payload.length / 3 <= inlineDocumentBytesMax
      const delivery = small ? { roots: [], config: held.document } : null
      for (const peer of peers) send(from, peer, { kind: 'head', head: held.head }, delivery)
    },
    dial: (from, peerId) => dialPeer(wires, feed, from, peerId),
    drop(from, peerId) {
      const connection = connectionOf(wires, from, byPeer.get(peerId))
      if (connection) world.after(latencyOf(cluster), () => close(wires, connection, 'dropped'))
    },
    fetch: (from, peerId, digest, epoch) =>
      fetchDocument(wires, feed, from, { peerId, digest, epoch }),
    vanish(host, said) {
      for (const connection of connectionsOf(wires, host)) {
        if (said) close(wires, connection, 'closed')
        else fallSilent(wires, connection)
      }
    },
    isConnected: (a, b) => connectionOf(wires, a, b) !== undefined,
    recheck(host) {
      for (const connection of connectionsOf(wires, host)) {
        if (!hasTunnel(cluster, connection.a, connection.b)) suspect(wires, connection)
      }
    },
  }
}

function sendMessage(
  wires: Wires,
  feed: Feed,
  from: SimHost,
  to: SimHost | undefined,
  message: Message,
  delivery: Delivery | null,
): void {
  const connection = connectionOf(wires, from, to)
  if (!to || !connection) return
  const { world, counts, watch } = wires.cluster
  const { life } = to
  const bytes = bytesOf(message, delivery)
  carry(wires, connection, to, bytes, () => {
    if (!connection.isOpen || to.node === null) return
    mark(world, to.index)
    const said = withinRate(message, bucketOf(wires, from, to), world.now)
    if (said !== message) cover(wires.cluster, 'message cut short')
    // As the shell does: a document is unpacked only where it is wanted.
    const head = message.kind === 'head' ? message.head : null
    const wanted = delivery !== null && head !== null && wantsDocument(to.node, head)
    if (message.kind === 'unknown') cover(wires.cluster, 'message unknown')
    if (wanted) {
      counts.documents++
      watch.brought(to, from, head.digest)
    }
    const input = { kind: 'received', peer: from.peerId, message: said } as const
    feed(to, life, { ...input, delivery: wanted ? delivery : null })
  })
}

/** The bucket of messages that a host still looks at from another one. */
function bucketOf({ rates, cluster }: Wires, from: SimHost, to: SimHost): Bucket {
  const key = `${from.index}>${to.index}`
  const bucket = rates.get(key) ?? statusBucket(cluster.world.now)
  rates.set(key, bucket)
  return bucket
}

function dialPeer(wires: Wires, feed: Feed, from: SimHost, peerId: string): void {
  const { cluster } = wires
  const { world, counts, byPeer } = cluster
  counts.dials++
  const to = byPeer.get(peerId)
  const { life } = from
  const fail = (afterMs: number): void => {
    cover(cluster, 'dial failed')
    world.after(afterMs, () => feed(from, life, { kind: 'dial-failed', peer: peerId }))
  }
  if (to === undefined || !hasTunnel(cluster, from, to)) return fail(dialMsMax)
  world.after(2 * latencyOf(cluster), () => {
    if (from.life !== life || from.node === null) return
    if (to.node === null || !admits(to, from.peerId) || !admits(from, peerId)) return fail(0)
    if (connectionOf(wires, from, to) !== undefined || !hasParted(wires, from, to)) return fail(0)
    join(wires, from, to)
    feed(to, to.life, { kind: 'peer-up', peer: from.peerId })
    feed(from, life, { kind: 'peer-up', peer: peerId })
  })
}

interface Wanted {
  readonly peerId: string
  readonly digest: string
  /** Epoch of the newest root that the asker holds. */
  readonly epoch: number
}

function fetchDocument(wires: Wires, feed: Feed, from: SimHost, wanted: Wanted): void {
  const { cluster } = wires
  const { world, counts, byPeer, watch } = cluster
  const { peerId, digest, epoch } = wanted
  const to = byPeer.get(peerId)
  const { life } = from
  let answered = false
  const answer = (input: Input): void => {
    if (answered) return
    answered = true
    if (input.kind === 'fetch-failed') cover(cluster, 'fetch failed')
    feed(from, life, input)
  }
  const failed: Input = { kind: 'fetch-failed', peer: peerId, digest }
  world.after(fetchMsMax, () => answer(failed))
  const connection = connectionOf(wires, from, to)
  if (!to || !connection) return world.after(1, () => answer(failed))
  carry(wires, connection, to, messageBytes, () => {
    if (to.node === null || to.isBad) return
    const held = documentHeld(to.node, digest)
    const roots = held === null ? [] : rootsAfter(to.node, epoch).map((root) => root.document)
    const delivery = held === null ? null : { roots, config: held.document }
    const bytes = messageBytes + (held?.document.payload.length ?? 0) / 3
    carry(wires, connection, from, bytes, () => {
      if (delivery !== null) {
        counts.documents++
        watch.brought(from, to, digest)
        if (roots.length > 0) cover(cluster, 'fetch brought roots')
      }
      answer({ kind: 'fetched', peer: peerId, digest, delivery })
    })
  })
}

/** The gater's question, asked of the node that the gater was told by. */
function admits(host: SimHost, peerId: string): boolean {
  const { node } = host
  if (node === null) return false
  const { admitted } = host
  if (admitted === null || admitted.but.has(peerId)) return false
  return admitted.listed.has(peerId) || admitted.also.has(peerId)
}
