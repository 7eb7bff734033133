import { SocketAddress } from 'node:net'
import { Bucket } from '../../../protocol/rates.ts'
import {
  handshakesOthers,
  handshakesPerSource,
  inboundPendingOthersMax,
  inboundPendingPerSourceMax,
  sourcesMax,
} from '../limits.ts'

/** An address in the one spelling by which two of them compare. */
function spelled(address: string): string {
  return new SocketAddress({ address, family: address.includes(':') ? 'ipv6' : 'ipv4' }).address
}

/**
 * Admits handshakes. Before Noise has proved who somebody is there is only an address, so
 * handshakes are counted by that: each address has a bound and a rate, and all that no listed peer
 * has share one of each. The address of a listed peer is one that WireGuard lets nobody else use.
 */
export class Doorstep {
  readonly #now: () => number
  readonly #pending: Map<string, number> = new Map()
  readonly #rates: Map<string, Bucket> = new Map()
  readonly #othersRate: Bucket
  #listed: ReadonlySet<string> = new Set()
  #others = 0

  /** `now` gives ms on a clock that only runs forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#othersRate = new Bucket(handshakesOthers, now())
  }

  /** Replaces the addresses of listed peers. */
  list(addresses: Iterable<string>): void {
    const listed = new Set<string>()
    for (const address of addresses) listed.add(spelled(address))
    this.#listed = listed
  }

  /**
   * Lets a connection of this address begin its handshake, or does not: null then. What it returns
   * is called once the handshake is over, however it ended.
   */
  enter(address: string): (() => void) | null {
    const source = spelled(address)
    const isListed = this.#listed.has(source)
    const pending = this.#pending.get(source) ?? 0
    if (pending >= inboundPendingPerSourceMax) return null
    if (!isListed && this.#others >= inboundPendingOthersMax) return null
    if (!this.#isInTime(source, isListed)) return null
    this.#pending.set(source, pending + 1)
    if (!isListed) this.#others += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const left = (this.#pending.get(source) ?? 1) - 1
      if (left === 0) this.#pending.delete(source)
      else this.#pending.set(source, left)
      if (!isListed) this.#others -= 1
    }
  }

  #isInTime(source: string, isListed: boolean): boolean {
    const now = this.#now()
    const known = this.#rates.get(source)
    if (known === undefined && this.#rates.size >= sourcesMax) this.#forget(now)
    if (known === undefined && this.#rates.size >= sourcesMax && !isListed) return false
    const rate = known ?? new Bucket(handshakesPerSource, now)
    this.#rates.set(source, rate)
    return rate.take(1, now) === 1 && (isListed || this.#othersRate.take(1, now) === 1)
  }

  #forget(now: number): void {
    for (const [source, rate] of this.#rates) if (rate.isFull(now)) this.#rates.delete(source)
  }
}
