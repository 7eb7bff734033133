import { type Attempt, type SessionStream, Sessions } from '../../../agent/overlay/sessions.ts'

/** One of the two hosts; `a` has the smaller peer id. */
export type Side = 'a' | 'b'

const other = (side: Side): Side => (side === 'a' ? 'b' : 'a')

/** A message on a connection, in order in each direction. */
type Message =
  | { readonly kind: 'open' | 'reset' }
  | { readonly kind: 'frame'; readonly text: string }

/** A connection between the two, as the network sees it. */
class Wire {
  readonly id: string
  readonly dialler: Side
  readonly queues: Record<Side, Message[]> = { a: [], b: [] }
  readonly ended: Record<Side, boolean> = { a: false, b: false }
  readonly streams: Partial<Record<Side, FakeStream>> = {}
  /** Nothing passes any more, and nobody is told. */
  dead = false

  constructor(id: string, dialler: Side) {
    this.id = id
    this.dialler = dialler
  }

  send(from: Side, message: Message): void {
    if (!this.dead && !this.ended[from]) this.queues[other(from)].push(message)
  }
}

class FakeStream implements SessionStream {
  readonly peerId: string
  readonly connection: { readonly id: string }
  readonly dialledHere: boolean
  readonly wire: Wire
  readonly #side: Side
  readonly #sessions: Sessions<FakeStream>

  constructor(wire: Wire, side: Side, sessions: Sessions<FakeStream>) {
    this.peerId = other(side)
    this.connection = wire
    this.dialledHere = wire.dialler === side
    this.wire = wire
    this.#side = side
    this.#sessions = sessions
    wire.streams[side] = this
  }

  accept(): void {
    this.send(new Uint8Array(0))
  }

  send(frame: Uint8Array): boolean {
    if (this.wire.ended[this.#side]) return false
    this.wire.send(this.#side, { kind: 'frame', text: Buffer.from(frame).toString() })
    return true
  }

  beat(): void {}

  abort(reason: string): void {
    if (this.wire.ended[this.#side]) return
    this.wire.send(this.#side, { kind: 'reset' })
    this.wire.ended[this.#side] = true
    this.#sessions.closed(this, reason)
  }

  async finish(reason: string): Promise<void> {
    this.abort(reason)
  }
}

interface Dial extends Attempt {
  readonly side: Side
  wire: Wire | undefined
  cancelled: boolean
}

/**
 * Two hosts' sessions and the network between them, one step at a time and in any order: the real
 * decisions, on a modelled wire.
 */
export class Pair {
  /** Rules that were broken on the way. */
  readonly breaches: string[] = []
  readonly #told: Record<Side, string[]> = { a: [], b: [] }
  readonly #frames: Record<Side, string[]> = { a: [], b: [] }
  readonly #up: Record<Side, boolean> = { a: false, b: false }
  readonly #sessions: Record<Side, Sessions<FakeStream>>
  readonly #wires: Wire[] = []
  #dials: Dial[] = []
  #count = 0

  constructor() {
    this.#sessions = { a: this.#host('a'), b: this.#host('b') }
  }

  told(side: Side): readonly string[] {
    return this.#told[side]
  }

  frames(side: Side): readonly string[] {
    return this.#frames[side]
  }

  /** The connection on which the side is up. */
  upOn(side: Side): string | undefined {
    return this.#sessions[side].up(other(side))?.connection.id
  }

  openConnections(): number {
    return this.#wires.filter((wire) => !wire.ended.a && !wire.ended.b).length
  }

  pendingDials(side: Side): number {
    return this.#sessions[side].attempts
  }

  /** Dials, if the side has no session: what `Overlay.dial` does. */
  dial(side: Side): void {
    const sessions = this.#sessions[side]
    if (sessions.has(other(side))) return
    const dial: Dial = {
      side,
      wire: undefined,
      cancelled: false,
      cancel: (reason) => {
        dial.cancelled = true
        const wire = dial.wire
        if (wire === undefined) return
        const stream = wire.streams[side]
        if (stream !== undefined) stream.abort(reason)
        else this.#end(wire, side)
      },
    }
    sessions.dialling(other(side), dial)
    this.#dials.push(dial)
  }

  sendNow(side: Side, text: string): void {
    this.#sessions[side].up(other(side))?.send(Buffer.from(text))
  }

  /** One of the things that can happen next; false if there is none. */
  step(choice: number): boolean {
    const possible: (() => void)[] = []
    for (const dial of this.#dials) {
      if (!dial.cancelled) possible.push(() => this.#advance(dial))
    }
    for (const wire of this.#wires) {
      for (const side of ['a', 'b'] as const) {
        if (wire.queues[side].length > 0) possible.push(() => this.#deliver(wire, side))
      }
    }
    const chosen = possible[choice % Math.max(1, possible.length)]
    chosen?.()
    this.#dials = this.#dials.filter((dial) => !dial.cancelled)
    return chosen !== undefined
  }

  /** Lets everything happen that can. */
  settle(): void {
    for (let choice = 0; this.step(choice); choice += 7);
  }

  /** Something goes wrong, or is asked for. */
  fault(choice: number): void {
    const kind = choice % 7
    const side: Side = choice % 2 === 0 ? 'a' : 'b'
    const wire = this.#wires[choice % Math.max(1, this.#wires.length)]
    const dial = this.#dials[0]
    if (kind === 0) this.dial(side)
    else if (kind === 1) this.dial(other(side))
    else if (kind === 2) this.#sessions[side].drop(other(side), 'dropped')
    else if (kind === 3 && wire !== undefined) this.#kill(wire)
    else if (kind === 4 && wire !== undefined) this.#break(wire, side)
    else if (kind === 5 && dial !== undefined) {
      this.#sessions[dial.side].failed(other(dial.side), dial, 'timeout')
    } else this.sendNow(side, `${choice}`)
  }

  /** Ends the streams on dead or half-ended wires, as silence and resets do in the end. */
  endDead(): void {
    for (const wire of this.#wires) {
      for (const side of ['a', 'b'] as const) {
        if (wire.dead || wire.ended[other(side)]) this.#break(wire, side)
      }
    }
  }

  #host(side: Side): Sessions<FakeStream> {
    const note = (what: string): void => {
      this.#told[side].push(what)
      if (what !== 'failed') this.#up[side] = what === 'up'
    }
    return new Sessions<FakeStream>(side, {
      peerUp: () => note('up'),
      peerDown: () => note('down'),
      dialFailed: () => note('failed'),
      flooded: () => {},
      frame: (_, frame) => {
        if (!this.#up[side]) this.breaches.push(`a frame at ${side} while its peer was down`)
        this.#frames[side].push(Buffer.from(frame).toString())
      },
      serve: async (_, request) => request,
    })
  }

  /** A dial moves on: connected, with the stream asked for, and then with the stream in hand. */
  #advance(dial: Dial): void {
    const { side } = dial
    if (dial.wire === undefined) {
      this.#count += 1
      dial.wire = new Wire(`${this.#count}`, side)
      this.#wires.push(dial.wire)
      this.#sessions[side].offered(other(side), dial)
      dial.wire.send(side, { kind: 'open' })
      return
    }
    const wire = dial.wire
    this.#dials = this.#dials.filter((it) => it !== dial)
    if (wire.ended[side]) {
      this.#sessions[side].failed(other(side), dial, 'reset')
      return
    }
    const stream = new FakeStream(wire, side, this.#sessions[side])
    this.#sessions[side].offered(other(side), dial, stream)
  }

  #deliver(wire: Wire, side: Side): void {
    const [message] = wire.queues[side]
    // Bytes for a stream that is not there yet wait in its buffer.
    const waits = message?.kind === 'frame' && wire.streams[side] === undefined
    if (message === undefined || (waits && !wire.ended[side])) return
    wire.queues[side].shift()
    if (wire.ended[side]) return
    const stream = wire.streams[side]
    if (message.kind === 'reset') this.#break(wire, side)
    else if (message.kind === 'frame') stream && this.#receive(side, stream, message.text)
    else this.#sessions[side].offer(new FakeStream(wire, side, this.#sessions[side]))
  }

  #receive(side: Side, stream: FakeStream, text: string): void {
    this.#sessions[side].frame(stream, Buffer.from(text))
  }

  /** The side sees the connection end. */
  #break(wire: Wire, side: Side): void {
    if (wire.ended[side]) return
    const stream = wire.streams[side]
    if (stream !== undefined) stream.abort('lost')
    else this.#end(wire, side)
  }

  #end(wire: Wire, side: Side): void {
    wire.send(side, { kind: 'reset' })
    wire.ended[side] = true
  }

  #kill(wire: Wire): void {
    wire.dead = true
    wire.queues.a = []
    wire.queues.b = []
  }
}
