import type {
  ConnectionEncrypter,
  MessageStream,
  StreamMessageEvent,
  StreamMuxerFactory,
} from '@libp2p/interface'
import { holdMsMax, muxerFrames, streamCost } from '../limits.ts'
import type { Meters } from './meters.ts'

/** A Yamux frame has a head of 12 bytes: version, type, flags (2), stream (4) and length (4). */
const headBytes = 12
const dataType = 0
const windowType = 1
/** On data and window updates; a ping that asks for its answer has the same bit. */
const newStreamFlag = 1

/**
 * Follows the frames of Yamux in what a peer sends, without the bytes that they carry. What is not
 * Yamux is left to Yamux to refuse.
 */
export class FrameCounter {
  #head = new Uint8Array(headBytes)
  #have = 0
  #skip = 0

  /** Cost of the frames that begin in these bytes. */
  costOf(bytes: Uint8Array): number {
    let cost = 0
    for (let at = 0; at < bytes.length; ) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at)
        this.#skip -= step
        at += step
        continue
      }
      this.#head[this.#have++] = bytes[at++] ?? 0
      if (this.#have < headBytes) continue
      this.#have = 0
      const head = new DataView(this.#head.buffer)
      const type = head.getUint8(1)
      if (type === dataType) this.#skip = head.getUint32(8)
      const opens = type <= windowType && (head.getUint16(2) & newStreamFlag) === newStreamFlag
      cost += opens ? streamCost : 1
    }
    return cost
  }
}

/** Told where a peer sends in one piece more than a whole burst, which no agent does. */
type OnFlood = (peerId: string) => void

/**
 * Puts a meter between the encrypted connection and its muxer: who opens streams, or sends tiny
 * frames, faster than its rate is not read for a while, and who sends a whole burst in one piece is
 * dropped before any of it is looked at.
 */
export class MuxerMeter {
  readonly #meters: Meters
  readonly #onFlood: OnFlood
  readonly #peers: WeakMap<MessageStream, string> = new WeakMap()

  constructor(meters: Meters, onFlood: OnFlood) {
    this.#meters = meters
    this.#onFlood = onFlood
  }

  /** The same encryption, which leaves word of who is at the other end. */
  encrypter<Components>(
    make: (components: Components) => ConnectionEncrypter,
  ): (components: Components) => ConnectionEncrypter {
    return (components) => {
      const inner = make(components)
      const note = async (
        secured: ReturnType<ConnectionEncrypter['secureInbound']>,
      ): ReturnType<ConnectionEncrypter['secureInbound']> => {
        const result = await secured
        this.#peers.set(result.connection, result.remotePeer.toString())
        return result
      }
      return {
        protocol: inner.protocol,
        secureInbound: (connection, options) => note(inner.secureInbound(connection, options)),
        secureOutbound: (connection, options) => note(inner.secureOutbound(connection, options)),
      }
    }
  }

  /** The same muxer on a connection that is metered. */
  muxer<Components>(
    make: (components: Components) => StreamMuxerFactory,
  ): (components: Components) => StreamMuxerFactory {
    return (components) => {
      const inner = make(components)
      return {
        protocol: inner.protocol,
        createStreamMuxer: (connection) => {
          this.#meter(connection)
          return inner.createStreamMuxer(connection)
        },
      }
    }
  }

  #meter(connection: MessageStream): void {
    const peerId = this.#peers.get(connection)
    if (peerId === undefined) return
    const counter = new FrameCounter()
    let isHeld = false
    const hold = (ms: number): void => {
      if (isHeld || !tryTo(() => connection.pause())) return
      isHeld = true
      const goOn = (): void => {
        isHeld = false
        tryTo(() => connection.resume())
      }
      setTimeout(goOn, Math.min(ms, holdMsMax)).unref()
    }
    connection.addEventListener('message', (event: StreamMessageEvent) => {
      const cost = counter.costOf(event.data.subarray())
      if (cost > muxerFrames.burst) {
        event.stopImmediatePropagation()
        connection.abort(new Error('floods its connection'))
        this.#onFlood(peerId)
        return
      }
      const waitMs = this.#meters.muxer(peerId, cost)
      if (waitMs > 0) hold(waitMs)
    })
  }
}

/**
 * True if `act` succeeded. A connection that is ending refuses to be paused and resumed, and does
 * not say before that it would: the socket below may have ended first.
 */
function tryTo(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
