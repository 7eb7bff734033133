import { nextRandom, type Random, seeded } from '../protocol/node/random.ts'

/** Simulated time and chance. Everything that happens in a run comes out of here, in one order. */
export interface World {
  /** Simulated ms since the start of the run. */
  now: number
  readonly random: Random
  /** Events that have happened so far. */
  events: number
  /** Changes with everything that is delivered; equal runs have equal traces. */
  trace: number
  /**
   * Lets `run` happen `afterMs` from now; events of one moment happen in the order of this call.
   */
  after(afterMs: number, run: () => void): void
  /** Runs everything up to a time, or until `stop` says so. */
  runUntil(endMs: number, stop?: () => boolean): void
}

/** A fresh world for one seed. */
export function createWorld(seed: number): World {
  const queue = createQueue()
  const world: World = {
    now: 0,
    random: seeded(seed),
    events: 0,
    trace: 0,
    after(afterMs, run) {
      queue.push(world.now + Math.max(0, afterMs), run)
    },
    runUntil(endMs, stop) {
      for (let at = queue.nextAt(); at <= endMs; at = queue.nextAt()) {
        world.now = at
        world.events++
        queue.pop()()
        if (stop?.() === true) return
      }
      world.now = endMs
    },
  }
  return world
}

/** Mixes a number into the trace of a run. */
export function mark(world: World, value: number): void {
  world.trace = (Math.imul(world.trace ^ value, 0x01000193) + Math.trunc(world.now)) >>> 0
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(nextRandom(random) * (high - low + 1))
}

/** Whether something of a probability happens. */
export function chance(random: Random, probability: number): boolean {
  return probability > 0 && nextRandom(random) < probability
}

/** One of some values. */
export function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[Math.floor(nextRandom(random) * values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}

interface Queue {
  push(at: number, run: () => void): void
  /** Infinity where nothing is queued. */
  nextAt(): number
  pop(): () => void
}

/**
 * A binary heap, ordered by time and then by arrival. Three arrays, so that an event costs no
 * object.
 */
function createQueue(): Queue {
  const times: number[] = []
  const orders: number[] = []
  const runs: (() => void)[] = []
  let order = 0
  const isBefore = (a: number, b: number): boolean => {
    const [ta, tb] = [times[a] as number, times[b] as number]
    return ta < tb || (ta === tb && (orders[a] as number) < (orders[b] as number))
  }
  const swap = (a: number, b: number): void => {
    const [time, place, run] = [times[a] as number, orders[a] as number, runs[a] as () => void]
    times[a] = times[b] as number
    orders[a] = orders[b] as number
    runs[a] = runs[b] as () => void
    times[b] = time
    orders[b] = place
    runs[b] = run
  }
  const sink = (): void => {
    for (let parent = 0; ; ) {
      const left = 2 * parent + 1
      if (left >= times.length) return
      const right = left + 1
      const child = right < times.length && isBefore(right, left) ? right : left
      if (!isBefore(child, parent)) return
      swap(child, parent)
      parent = child
    }
  }
  return {
    push(at, run) {
      times.push(at)
      orders.push(order++)
      runs.push(run)
      for (let child = times.length - 1; child > 0; ) {
        const parent = (child - 1) >> 1
        if (!isBefore(child, parent)) return
        swap(child, parent)
        child = parent
      }
    },
    nextAt: () => times[0] ?? Number.POSITIVE_INFINITY,
    pop() {
      swap(0, times.length - 1)
      times.pop()
      orders.pop()
      const run = runs.pop()
      sink()
      return run ?? (() => undefined)
    },
  }
}
