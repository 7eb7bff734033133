import { judgeOffer, type Standing } from './duplicates.ts'
import { lingerMs } from './limits.ts'
import type { OverlayEvents } from './overlay.ts'

/** A gossip stream, as far as it matters who uses which. */
export interface SessionStream {
  readonly peerId: string
  readonly connection: { readonly id: string }
  readonly dialledHere: boolean
  accept(): void
  send(frame: Uint8Array): boolean
  beat(): void
  abort(reason: string): void
  finish(reason: string, ms: number): Promise<void>
}

/**
 * One attempt to reach a peer; `cancel` is called when it is no longer wanted, for whatever reason.
 */
export interface Attempt {
  cancel(reason: string): void
}

type Session<S> =
  | { readonly state: 'dialling'; readonly attempt: Attempt }
  | { readonly state: 'offered'; readonly attempt: Attempt; readonly stream: S | undefined }
  | { readonly state: 'up'; readonly stream: S }

/**
 * State of this host towards each peer.
 *
 * 1. A peer has at most one session, and at most one held stream beside it.
 * 2. `peerUp` and `peerDown` alternate for each peer, and frames come between the two only.
 * 3. An attempt ends in exactly one of `peerUp` and `dialFailed`.
 * 4. The dialler opens the stream and the acceptor accepts it with an empty frame before any other,
 *    so that each side knows of the other before it reports `peerUp`. A frame sent after that
 *    arrives, or both sides see the stream end.
 */
export class Sessions<S extends SessionStream> {
  readonly #self: string
  readonly #events: OverlayEvents
  readonly #sessions: Map<string, Session<S>> = new Map()
  readonly #held: Map<string, S> = new Map()
  readonly #finishing: Map<S, Promise<void>> = new Map()
  #stopped = false

  constructor(self: string, events: OverlayEvents) {
    this.#self = self
    this.#events = events
  }

  /** The stream of a peer that is up. */
  up(peerId: string): S | undefined {
    const session = this.#sessions.get(peerId)
    return session?.state === 'up' ? session.stream : undefined
  }

  has(peerId: string): boolean {
    return this.#sessions.has(peerId)
  }

  peerIds(): readonly string[] {
    return [...new Set([...this.#sessions.keys(), ...this.#held.keys()])]
  }

  /** Attempts that have not ended. */
  get attempts(): number {
    let count = 0
    for (const session of this.#sessions.values()) count += session.state === 'up' ? 0 : 1
    return count
  }

  /** True if a gossip stream runs, or is about to run, on the connection. */
  claims(connectionId: string): boolean {
    for (const session of this.#sessions.values()) {
      if (session.state !== 'dialling' && session.stream?.connection.id === connectionId)
        return true
    }
    for (const stream of [...this.#held.values(), ...this.#finishing.keys()]) {
      if (stream.connection.id === connectionId) return true
    }
    return false
  }

  /** Notes that a dial has begun. The peer must have no session. */
  dialling(peerId: string, attempt: Attempt): void {
    this.#sessions.set(peerId, { state: 'dialling', attempt })
  }

  /** Notes that our stream is being opened; without a stream while its protocol is negotiated. */
  offered(peerId: string, attempt: Attempt, stream?: S): void {
    if (this.current(peerId, attempt))
      this.#sessions.set(peerId, { state: 'offered', attempt, stream })
  }

  /** True if the attempt is still the one in force. */
  current(peerId: string, attempt: Attempt): boolean {
    const session = this.#sessions.get(peerId)
    return session !== undefined && session.state !== 'up' && session.attempt === attempt
  }

  /** Ends an attempt that is in force: a held stream takes its place, else it has failed. */
  failed(peerId: string, attempt: Attempt, reason: string): void {
    if (!this.current(peerId, attempt)) return
    this.#sessions.delete(peerId)
    attempt.cancel(reason)
    if (!this.#takeHeld(peerId)) this.#post((events) => events.dialFailed(peerId, reason))
  }

  /** Judges a stream that the peer has opened on a connection that it dialled. */
  offer(stream: S): void {
    const session = this.#sessions.get(stream.peerId)
    const judgement = judgeOffer(this.#standing(stream.peerId, session))
    if (judgement === 'hold') {
      this.#held.get(stream.peerId)?.abort('replaced')
      this.#held.set(stream.peerId, stream)
      return
    }
    this.#sessions.delete(stream.peerId)
    if (session?.state === 'up') {
      this.#down(session.stream, 'replaced by a new connection')
      session.stream.abort('replaced')
    } else {
      session?.attempt.cancel('the peer was faster')
    }
    this.#take(stream)
  }

  /** A frame of any stream. The first on our own offer accepts it. */
  frame(stream: S, frame: Uint8Array): void {
    const { peerId } = stream
    const session = this.#sessions.get(peerId)
    if (session?.state === 'dialling' || session?.stream !== stream) {
      stream.abort('frame before its stream was accepted')
      return
    }
    if (session.state === 'offered') {
      this.#sessions.set(peerId, { state: 'up', stream })
      this.#post((events) => events.peerUp(peerId))
    }
    if (frame.byteLength > 0) this.#post((events) => events.frame(peerId, frame))
  }

  /** A stream has ended. */
  closed(stream: S, reason: string): void {
    const { peerId } = stream
    if (this.#held.get(peerId) === stream) this.#held.delete(peerId)
    const session = this.#sessions.get(peerId)
    if (session === undefined || session.state === 'dialling' || session.stream !== stream) return
    if (session.state === 'offered') {
      this.failed(peerId, session.attempt, reason)
      return
    }
    this.#sessions.delete(peerId)
    this.#down(stream, reason)
    this.#takeHeld(peerId)
  }

  /** Ends what there is with a peer; what is queued for it is still written. */
  drop(peerId: string, reason: string, ms: number = lingerMs): void {
    const held = this.#held.get(peerId)
    this.#held.delete(peerId)
    held?.abort(reason)
    const session = this.#sessions.get(peerId)
    if (session?.state === 'up') this.#finish(session.stream, reason, ms)
    else if (session !== undefined) this.failed(peerId, session.attempt, reason)
  }

  /** One heartbeat on every stream in use. */
  beat(): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.state === 'up') session.stream.beat()
    }
  }

  /** Ends everything within `ms`, also what a `drop` has left, and tells nothing any more. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true
    for (const peerId of this.peerIds()) this.drop(peerId, 'stopped', ms)
    const timer = setTimeout(() => {
      for (const stream of [...this.#finishing.keys()]) stream.abort('stopped')
    }, ms)
    await Promise.all(this.#finishing.values())
    clearTimeout(timer)
  }

  #standing(peerId: string, session: Session<S> | undefined): Standing {
    return {
      state: session?.state ?? 'none',
      dialledHere: session?.state === 'up' && session.stream.dialledHere,
      smaller: this.#self < peerId,
    }
  }

  #take(stream: S): void {
    this.#sessions.set(stream.peerId, { state: 'up', stream })
    this.#post((events) => events.peerUp(stream.peerId))
    stream.accept()
  }

  #takeHeld(peerId: string): boolean {
    const stream = this.#held.get(peerId)
    if (stream === undefined) return false
    this.#held.delete(peerId)
    this.#take(stream)
    return true
  }

  #finish(stream: S, reason: string, ms: number): void {
    const done = stream.finish(reason, ms).finally(() => this.#finishing.delete(stream))
    this.#finishing.set(stream, done)
  }

  #down(stream: S, reason: string): void {
    this.#post((events) => events.peerDown(stream.peerId, reason))
  }

  /**
   * Tells in a turn of its own: a caller of the overlay is never called back from inside its call.
   */
  #post(tell: (events: OverlayEvents) => void): void {
    queueMicrotask(() => {
      if (!this.#stopped) tell(this.#events)
    })
  }
}
