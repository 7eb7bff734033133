import { retryJitter, retryMsMax, retryMsMin } from '../limits.ts'

/**
 * Numbers in [0, 1) from one seed: mulberry32, enough to spread retries and the same in every run.
 */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Counts failures by key, and tells when to try again. Keys are objects, or texts of steps without
 * one.
 */
export interface Backoff {
  /** Counts a failure; the wait doubles with each one, up to `retryMsMax`. */
  fail(key: string, reason: string, nowMs: number): void
  /** The reason of a key's last failure, or null. */
  reason(key: string): string | null
  /** Forgets the failures of a key. */
  clear(key: string): void
  /** Forgets all keys but these. */
  retain(keys: ReadonlySet<string>): void
  /** True if a key must wait still. A clock that jumped back makes nothing wait longer. */
  waits(key: string, nowMs: number): boolean
  /** Time until the first key is due, or null if none waits. */
  nextMs(nowMs: number): number | null
}

interface Entry {
  readonly reason: string
  readonly failures: number
  readonly sinceMs: number
  readonly waitMs: number
}

/** Makes an empty table. It holds at most one entry for each object of a host's section. */
export function createBackoff(random: () => number): Backoff {
  const entries = new Map<string, Entry>()
  const leftMs = (entry: Entry, nowMs: number): number =>
    nowMs < entry.sinceMs ? 0 : Math.max(0, entry.sinceMs + entry.waitMs - nowMs)
  return {
    fail(key, reason, nowMs) {
      const failures = (entries.get(key)?.failures ?? 0) + 1
      const base = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures - 1, 16))
      const waitMs = Math.round(base * (1 + retryJitter * random()))
      entries.set(key, { reason, failures, sinceMs: nowMs, waitMs })
    },
    reason(key) {
      return entries.get(key)?.reason ?? null
    },
    clear(key) {
      entries.delete(key)
    },
    retain(keys) {
      for (const key of entries.keys()) if (!keys.has(key)) entries.delete(key)
    },
    waits(key, nowMs) {
      const entry = entries.get(key)
      return entry !== undefined && leftMs(entry, nowMs) > 0
    },
    nextMs(nowMs) {
      let next: number | null = null
      for (const entry of entries.values()) {
        const left = leftMs(entry, nowMs)
        if (next === null || left < next) next = left
      }
      return next
    },
  }
}
