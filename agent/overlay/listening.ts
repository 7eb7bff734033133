import type { Listener } from '@libp2p/interface'
import type { Logger } from 'pino'
import { addressOf } from './dialling.ts'
import { closeMsMax } from './limits.ts'
import { reasonOf } from './reason.ts'
import { within } from './within.ts'

/** An address and a port of this machine. */
export interface Place {
  readonly address: string
  readonly port: number
}

/**
 * The one place where this host listens. The address of a WireGuard link comes and goes, so the
 * listener is made apart from the libp2p node and replaced on its own. Connections that were
 * accepted at a place end with it; dialled ones stay.
 */
export class Listening {
  readonly #create: () => Listener
  readonly #log: Logger
  #listener: Listener | undefined
  #place: Place | undefined
  #refused: Place | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(create: () => Listener, log: Logger) {
    this.#create = create
    this.#log = log
  }

  /** Listens at `place` or nowhere; whether it listens. Calls take turns. Never rejects. */
  change(place: Place | null): Promise<boolean> {
    const turn = this.#turn.then(() => this.#change(place))
    this.#turn = turn
    return turn
  }

  async #change(place: Place | null): Promise<boolean> {
    if (place !== null && this.#listener !== undefined && same(place, this.#place)) return true
    await this.#close()
    if (place === null) return false
    const listener = this.#create()
    try {
      await listener.listen(addressOf(place))
    } catch (error) {
      const reason = reasonOf(error)
      if (!same(place, this.#refused)) this.#log.warn({ place, reason }, 'cannot listen there yet')
      this.#refused = place
      return false
    }
    this.#listener = listener
    this.#place = place
    this.#refused = undefined
    this.#log.info({ place }, 'listening')
    return true
  }

  async #close(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    try {
      if (listener !== undefined) await within(closeMsMax, listener.close())
    } catch (error) {
      this.#log.warn(
        { place: this.#place, reason: reasonOf(error) },
        'the listener was slow to close',
      )
    }
  }
}

function same(one: Place, other: Place | undefined): boolean {
  return one.address === other?.address && one.port === other.port
}
