import type { Connection, Stream } from '@libp2p/interface'
import { CoveyError } from '../../protocol/fault.ts'
import { Doorstep } from './admission/doorstep.ts'
import { Gater } from './admission/gater.ts'
import { Meters } from './admission/meters.ts'
import { MuxerMeter } from './admission/muxer-meter.ts'
import { type Dialler, dialPeer } from './dialling.ts'
import { ask, type DocumentContext, DocumentServer, documentProtocol } from './document-protocol.ts'
import { GossipStream, gossipProtocol } from './gossip-stream.ts'
import {
  closeMsMax,
  connectionsPerPeerMax,
  dialsMax,
  heartbeatMs,
  requestsPerPeerMax,
  stopLingerMs,
  unclaimedHeartbeatsMax,
} from './limits.ts'
import { Listening, type Place } from './listening.ts'
import { type Node, startNode } from './node.ts'
import type { Overlay, OverlayInit } from './overlay.ts'
import { reasonOf } from './reason.ts'
import { Sessions } from './sessions.ts'
import { Traffic } from './traffic.ts'
import { within } from './within.ts'

/**
 * Starts the libp2p overlay: it listens nowhere, admits nobody and dials nobody until it is told
 * to. Rejects if the seed is not 32 bytes.
 */
export async function createOverlay(init: OverlayInit): Promise<Overlay> {
  const doorstep = new Doorstep()
  const gater = new Gater(doorstep)
  const meters = new Meters()
  const meter = new MuxerMeter(meters, (peerId) => init.events.flooded(peerId))
  const node = await startNode(init.seed, gater, meter)
  const overlay = new Libp2pOverlay(init, { doorstep, gater, meters, node })
  await overlay.start()
  return overlay
}

interface Parts {
  readonly doorstep: Doorstep
  readonly gater: Gater
  readonly meters: Meters
  readonly node: Node
}

class Libp2pOverlay implements Overlay {
  readonly peerId: string
  readonly #init: OverlayInit
  readonly #doorstep: Doorstep
  readonly #gater: Gater
  readonly #node: Node
  readonly #sessions: Sessions<GossipStream>
  readonly #listening: Listening
  readonly #traffic: Traffic = new Traffic()
  readonly #context: DocumentContext
  readonly #dialler: Dialler
  /** Heartbeats for which a connection has carried no gossip stream, by connection id. */
  #unclaimed: Map<string, number> = new Map()
  #heart: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  constructor(init: OverlayInit, { doorstep, gater, meters, node }: Parts) {
    this.peerId = node.libp2p.peerId.toString()
    this.#init = init
    this.#doorstep = doorstep
    this.#gater = gater
    this.#node = node
    this.#sessions = new Sessions<GossipStream>(this.peerId, init.events)
    this.#listening = new Listening(() => node.createListener(), init.log)
    this.#context = {
      traffic: this.#traffic,
      meters,
      heard: (peerId) => this.#sessions.up(peerId)?.heard(),
    }
    this.#dialler = {
      sessions: this.#sessions,
      connect: (address, signal) => node.connect(address, signal),
      wrap: (connection, stream) => this.#wrap(connection, stream),
    }
  }

  async start(): Promise<void> {
    const { libp2p } = this.#node
    const server = new DocumentServer(this.#context, (peerId, request) =>
      this.#init.events.serve(peerId, request),
    )
    libp2p.addEventListener('connection:open', (event) => this.#judge(event.detail))
    await libp2p.handle(gossipProtocol, (stream, connection) => this.#offered(stream, connection), {
      maxInboundStreams: 1,
    })
    await libp2p.handle(
      documentProtocol,
      (stream, connection) => {
        if (this.#welcome(connection)) void server.answer(stream, connection)
      },
      { maxInboundStreams: requestsPerPeerMax },
    )
    this.#heart = setInterval(() => this.#beat(), heartbeatMs)
    this.#heart.unref()
  }

  listen(place: Place | null): Promise<boolean> {
    return this.#listening.change(this.#stopping === undefined ? place : null)
  }

  admit(peerIds: ReadonlySet<string>, addresses: Iterable<string> = []): void {
    this.#doorstep.list(addresses)
    this.#gater.admit(peerIds)
    for (const peerId of this.#sessions.peerIds()) {
      if (!this.#gater.has(peerId)) this.#sessions.drop(peerId, 'no longer admitted')
    }
    for (const connection of this.#node.libp2p.getConnections()) this.#judge(connection)
  }

  dial(peer: { readonly peerId: string; readonly address: string; readonly port: number }): void {
    if (this.#stopping !== undefined || this.#sessions.has(peer.peerId)) return
    if (!this.#gater.has(peer.peerId)) this.#refuseDial(peer.peerId, 'not admitted')
    else if (peer.peerId === this.peerId) this.#refuseDial(peer.peerId, 'this host itself')
    else if (this.#sessions.attempts >= dialsMax) this.#refuseDial(peer.peerId, 'too many dials')
    else void dialPeer(this.#dialler, peer)
  }

  drop(peerId: string): void {
    this.#sessions.drop(peerId, 'dropped')
    for (const connection of this.#node.libp2p.getConnections()) {
      const claimed = this.#sessions.claims(connection.id)
      if (connection.remotePeer.toString() === peerId && !claimed) abort(connection, 'dropped')
    }
  }

  send(peerId: string, frame: Uint8Array): boolean {
    return this.#sessions.up(peerId)?.send(frame) ?? false
  }

  async request(peerId: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const stream = this.#sessions.up(peerId)
    if (stream === undefined) throw new CoveyError('peer-down', `${peerId} is not connected`)
    return await ask(this.#context, stream.connection, request, signal)
  }

  traffic(): { readonly bytesIn: number; readonly bytesOut: number } {
    return { bytesIn: this.#traffic.bytesIn, bytesOut: this.#traffic.bytesOut }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    clearInterval(this.#heart)
    await this.#sessions.stop(stopLingerMs)
    await this.#listening.change(null)
    for (const connection of this.#node.libp2p.getConnections()) abort(connection, 'stopped')
    try {
      await within(closeMsMax, Promise.resolve(this.#node.libp2p.stop()))
    } catch (error) {
      this.#init.log.warn({ reason: reasonOf(error) }, 'libp2p did not stop cleanly')
    }
  }

  #refuseDial(peerId: string, reason: string): void {
    queueMicrotask(() => {
      if (this.#stopping === undefined) this.#init.events.dialFailed(peerId, reason)
    })
  }

  #wrap(connection: Connection, stream: Stream): GossipStream {
    const events = {
      frame: (from: GossipStream, frame: Uint8Array) => this.#sessions.frame(from, frame),
      closed: (from: GossipStream, reason: string) => this.#sessions.closed(from, reason),
    }
    return new GossipStream(connection, stream, events, this.#context)
  }

  /** A gossip stream that a peer has opened. Only the dialler of a connection may do that. */
  #offered(stream: Stream, connection: Connection): void {
    if (!this.#welcome(connection)) return
    if (connection.direction === 'outbound') abort(connection, 'a stream from the wrong side')
    else this.#sessions.offer(this.#wrap(connection, stream))
  }

  /** True if the peer may open streams; if not, the connection ends. */
  #welcome(connection: Connection): boolean {
    const admitted = this.#gater.has(connection.remotePeer.toString())
    const welcome = admitted && this.#stopping === undefined
    if (!welcome) abort(connection, 'not admitted')
    return welcome
  }

  /**
   * Ends a connection of a peer that is not admitted, or has too many, unless it is ending already.
   */
  #judge(connection: Connection): void {
    if (this.#sessions.claims(connection.id)) return
    if (!this.#welcome(connection)) return
    const open = this.#node.libp2p.getConnections(connection.remotePeer).length
    if (open > connectionsPerPeerMax) abort(connection, 'too many connections')
  }

  #beat(): void {
    this.#sessions.beat()
    const unclaimed = new Map<string, number>()
    for (const connection of this.#node.libp2p.getConnections()) {
      if (this.#sessions.claims(connection.id)) continue
      const beats = (this.#unclaimed.get(connection.id) ?? 0) + 1
      if (beats >= unclaimedHeartbeatsMax) abort(connection, 'no gossip stream')
      else unclaimed.set(connection.id, beats)
    }
    this.#unclaimed = unclaimed
  }
}

function abort(connection: Connection, reason: string): void {
  connection.abort(new Error(reason))
}
