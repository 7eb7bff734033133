import { statusRecordsBurstMax, statusRecordsPerSecondMax } from './limits.ts'
import type { Message } from './messages.ts'

/** Rate limit: so many at once, and so many a second on average. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** Token bucket of a rate: it fills up with time and is emptied by events. */
export class Bucket {
  readonly #rate: Rate
  #tokens: number
  #at: number

  /** A full bucket. Times are in ms, on a clock that only runs forward. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = now
  }

  /** Takes `count` whether or not they are there, and returns how long, in ms, until they are. */
  spend(count: number, now: number): number {
    this.#fill(now)
    this.#tokens -= count
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#rate.perSecond)
  }

  /** Takes as many of `count` as are there, and returns how many. */
  take(count: number, now: number): number {
    this.#fill(now)
    const taken = Math.max(0, Math.min(count, Math.floor(this.#tokens)))
    this.#tokens -= taken
    return taken
  }

  /** True if it is as good as new, and need not be remembered. */
  isFull(now: number): boolean {
    this.#fill(now)
    return this.#tokens >= this.#rate.burst
  }

  #fill(now: number): void {
    const { burst, perSecond } = this.#rate
    const passed = Math.max(0, now - this.#at)
    this.#at = Math.max(this.#at, now)
    this.#tokens = Math.min(burst, this.#tokens + (passed * perSecond) / 1_000)
  }
}

const statusRate: Rate = { burst: statusRecordsBurstMax, perSecond: statusRecordsPerSecondMax }

/** A bucket for the status records of one peer, those that it sends and those that it asks for. */
export function statusBucket(now: number): Bucket {
  return new Bucket(statusRate, now)
}

/**
 * Part of a message to process: as many of its status records, and of its questions, as the
 * peer's rate leaves. What is passed over is not lost, since digests tell of it again (H7).
 */
export function withinRate(message: Message, bucket: Bucket, now: number): Message {
  if (message.kind === 'status') {
    const left = bucket.take(message.records.length, now)
    if (left < message.records.length)
      return { ...message, records: message.records.slice(0, left) }
  }
  if (message.kind === 'status-want') {
    const left = bucket.take(message.hosts.length, now)
    if (left < message.hosts.length) return { ...message, hosts: message.hosts.slice(0, left) }
  }
  return message
}
