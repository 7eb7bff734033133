import type { Connection, Stream } from '@libp2p/interface'
import { decode, encode } from 'it-length-prefixed'
import { pipe } from 'it-pipe'
import { gossipFrameBytesMax } from '../../protocol/limits.ts'
import type { Meters } from './admission/meters.ts'
import { FrameQueue } from './frame-queue.ts'
import { holdMsMax, silentHeartbeatsMax, stalledHeartbeatsMax } from './limits.ts'
import { reasonOf } from './reason.ts'
import { chunksOf, writeAll } from './stream-flow.ts'
import { prefixBytes, type Traffic } from './traffic.ts'

/** The protocol name of the stream: frames, each after its length as an unsigned varint. */
export const gossipProtocol: string = '/covey/gossip/1'

const noFrame = new Uint8Array(0)

/** Events of a gossip stream for its owner. `closed` comes once; no frame comes after it. */
export interface GossipStreamEvents {
  /** A frame; an empty one accepts the stream or is a heartbeat. */
  frame(stream: GossipStream, frame: Uint8Array): void
  closed(stream: GossipStream, reason: string): void
}

/**
 * One `/covey/gossip/1` stream and the connection that it stands for: they end together, whatever
 * ends first.
 *
 * Frames are handed on in the same turn in which they were read, so nothing piles up between the
 * socket and the reader: while the reader is busy, or the peer above its rate, TCP holds it back.
 */
export class GossipStream {
  readonly peerId: string
  readonly connection: Connection
  readonly #events: GossipStreamEvents
  readonly #traffic: Traffic
  readonly #meters: Meters
  readonly #queue: FrameQueue = new FrameQueue()
  #open = true
  #silent = 0
  #stalled = 0
  #takenAtBeat = 0

  constructor(
    connection: Connection,
    stream: Stream,
    events: GossipStreamEvents,
    { traffic, meters }: { readonly traffic: Traffic; readonly meters: Meters },
  ) {
    this.peerId = connection.remotePeer.toString()
    this.connection = connection
    this.#events = events
    this.#traffic = traffic
    this.#meters = meters
    writeAll(stream, this.#prefixed()).catch((error: unknown) => this.abort(reasonOf(error)))
    this.#read(chunksOf(stream)).then(
      // The peer has written its last frame, and after that it reads none of ours.
      () => this.abort('closed by the peer'),
      (error: unknown) => this.abort(reasonOf(error)),
    )
  }

  /** True if this host dialled the connection. */
  get dialledHere(): boolean {
    return this.connection.direction === 'outbound'
  }

  /** Queues a frame. A peer that has let its queue fill up is dropped; false then. */
  send(frame: Uint8Array): boolean {
    if (!this.#open) return false
    if (this.#queue.push(frame)) return true
    this.abort('reads slower than it is written to')
    return false
  }

  /** The empty frame by which the acceptor takes the stream. */
  accept(): void {
    this.send(noFrame)
  }

  /** A byte came from the peer, on whatever stream. */
  heard(): void {
    this.#silent = 0
  }

  /**
   * One heartbeat. Beats are counted and not clock times compared: after a pause of this process or
   * machine there is one beat, not many, and the peer has its chance to be heard.
   */
  beat(): void {
    this.#silent += 1
    const idle = this.#queue.taken === this.#takenAtBeat
    this.#takenAtBeat = this.#queue.taken
    this.#stalled = idle && this.#queue.waiting > 0 ? this.#stalled + 1 : 0
    if (this.#silent >= silentHeartbeatsMax) this.abort('silent')
    else if (this.#stalled >= stalledHeartbeatsMax) this.abort('does not read')
    else if (this.#queue.waiting === 0) this.send(noFrame)
  }

  /** Ends stream and connection at once; what is queued is lost. */
  abort(reason: string): void {
    this.#queue.clear()
    this.connection.abort(new Error(reason))
    this.#close(reason)
  }

  /**
   * Reports `closed` at once and ends once what is queued has been read, or after `ms`. The reader
   * ends the connection, not the writer: libp2p's own close loses what Noise has not passed on yet.
   */
  async finish(reason: string, ms: number): Promise<void> {
    if (!this.#open) return
    this.#queue.end()
    this.#close(reason)
    if (this.connection.status !== 'open') return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.connection.abort(new Error(reason)), ms)
      this.connection.addEventListener('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #close(reason: string): void {
    if (!this.#open) return
    this.#open = false
    this.#events.closed(this, reason)
  }

  async *#prefixed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const batch of this.#queue.batches()) {
      const bytes = Buffer.concat(batch.map((frame) => encode.single(frame).subarray()))
      this.#traffic.bytesOut += bytes.byteLength
      yield bytes
    }
  }

  async #read(source: ReturnType<typeof chunksOf>): Promise<void> {
    const limit = {
      maxDataLength: gossipFrameBytesMax,
      maxLengthLength: prefixBytes(gossipFrameBytesMax),
    }
    for await (const frame of pipe(this.#counted(source), (chunks) => decode(chunks, limit))) {
      if (this.#open) this.#events.frame(this, frame.subarray())
      const waitMs = this.#meters.frame(this.peerId, frame.byteLength)
      if (waitMs > 0) await this.#hold(waitMs)
    }
  }

  /** Reads nothing for a while. A peer whose frames wait here has been heard of. */
  async #hold(ms: number): Promise<void> {
    for (let left = ms; left > 0 && this.#open; left -= holdMsMax) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, holdMsMax)).unref())
      this.heard()
    }
  }

  async *#counted<T extends { readonly byteLength: number }>(
    source: AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    for await (const chunk of source) {
      this.#traffic.bytesIn += chunk.byteLength
      this.heard()
      yield chunk
    }
  }
}
