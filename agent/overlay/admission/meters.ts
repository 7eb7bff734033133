import { hostsMax } from '../../../protocol/limits.ts'
import { Bucket } from '../../../protocol/rates.ts'
import { documentRequests, gossipBytes, gossipFrames, muxerFrames } from '../limits.ts'

/** Recent traffic of one peer. It outlives connections: a new one gives no new burst. */
interface Meter {
  readonly frames: Bucket
  readonly bytes: Bucket
  readonly muxer: Bucket
  readonly requests: Bucket
}

/**
 * Limits how fast this host reads from each peer. Whatever is above the rate is read later: the
 * peer's bytes wait in its socket, and nobody is dropped for being fast.
 */
export class Meters {
  readonly #now: () => number
  readonly #meters: Map<string, Meter> = new Map()

  /** `now` gives ms on a clock that only runs forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** A gossip frame was read; ms until the next one may be. */
  frame(peerId: string, bytes: number): number {
    const { frames, bytes: size } = this.#of(peerId)
    const now = this.#now()
    return Math.max(frames.spend(1, now), size.spend(bytes, now))
  }

  /** Frames of the muxer have arrived; ms until further ones may be read. */
  muxer(peerId: string, cost: number): number {
    return this.#of(peerId).muxer.spend(cost, this.#now())
  }

  /** A request has arrived; ms until it may be answered. */
  request(peerId: string): number {
    return this.#of(peerId).requests.spend(1, this.#now())
  }

  #of(peerId: string): Meter {
    const known = this.#meters.get(peerId)
    if (known !== undefined) return known
    const now = this.#now()
    if (this.#meters.size >= hostsMax) this.#forget(now)
    const meter: Meter = {
      frames: new Bucket(gossipFrames, now),
      bytes: new Bucket(gossipBytes, now),
      muxer: new Bucket(muxerFrames, now),
      requests: new Bucket(documentRequests, now),
    }
    this.#meters.set(peerId, meter)
    return meter
  }

  #forget(now: number): void {
    for (const [peerId, meter] of this.#meters) {
      if (Object.values(meter).every((bucket: Bucket) => bucket.isFull(now))) {
        this.#meters.delete(peerId)
      }
    }
  }
}
