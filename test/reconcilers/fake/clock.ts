import type { Clock } from '../../../reconcilers/host-ports.ts'

/** A clock that stands until it is moved. */
export interface FakeClock extends Clock {
  /**
   * Moves time on, waking sleepers in their order, and lets what they start run as far as it can.
   */
  advance(ms: number): Promise<void>
  /** Sets the time of day without waking anybody, as a person or NTP does. */
  jump(ms: number): void
}

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

/** Starts at some time in 2026. */
export function createFakeClock(): FakeClock {
  let monotonicMs = 0
  let offsetMs = 1_780_000_000_000
  const sleepers = new Set<Sleeper>()
  return {
    now: () => monotonicMs + offsetMs,
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal.aborted) {
          resolve()
          return
        }
        const wake = (): void => {
          sleepers.delete(sleeper)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        const sleeper = { atMs: monotonicMs + ms, wake }
        sleepers.add(sleeper)
        signal.addEventListener('abort', wake)
      })
    },
    async advance(ms) {
      const endMs = monotonicMs + ms
      await settle()
      for (;;) {
        const due = [...sleepers].filter((each) => each.atMs <= endMs)
        const next = due.sort((a, b) => a.atMs - b.atMs)[0]
        if (next === undefined) break
        monotonicMs = Math.max(monotonicMs, next.atMs)
        next.wake()
        await settle()
      }
      monotonicMs = endMs
    },
    jump(ms) {
      offsetMs += ms
    },
  }
}

/** Lets everything run that needs no time: the fake host answers within promises only. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
