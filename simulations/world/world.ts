import { nextRandom, type Random, seeded } from '../../protocol/node/random.ts'

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

/** True if something of a probability happens. */
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

/** A binary heap by time, then by arrival. Three arrays, so that an event costs no object. */
function createQueue(): Queue {
  const times: number[] = []
  const orders: number[] = []
  const runs: (() => void)[] = []
  let order = 0
  const put = (place: number, time: number, arrival: number, run: () => void): void => {
    times[place] = time
    orders[place] = arrival
    runs[place] = run
  }
  const move = (to: number, from: number): void =>
    put(to, times[from] as number, orders[from] as number, runs[from] as () => void)
  const isBefore = (place: number, time: number, arrival: number): boolean => {
    const own = times[place] as number
    return own < time || (own === time && (orders[place] as number) < arrival)
  }
  /** Fills the hole at the top: moves smaller children up until what stood last fits. */
  const sink = (time: number, arrival: number, run: () => void): void => {
    let hole = 0
    for (let child = 1; child < times.length; child = 2 * hole + 1) {
      const right = child + 1
      const [childTime, childOrder] = [times[child] as number, orders[child] as number]
      if (right < times.length && isBefore(right, childTime, childOrder)) child = right
      if (!isBefore(child, time, arrival)) break
      move(hole, child)
      hole = child
    }
    put(hole, time, arrival, run)
  }
  return {
    push(at, run) {
      let hole = times.length
      // Of one moment what came first stays first, so only later times make way.
      for (let parent = (hole - 1) >> 1; hole > 0; parent = (hole - 1) >> 1) {
        if (!(at < (times[parent] as number))) break
        move(hole, parent)
        hole = parent
      }
      put(hole, at, order++, run)
    },
    nextAt: () => times[0] ?? Number.POSITIVE_INFINITY,
    pop() {
      const [first] = runs
      const [time, arrival, run] = [times.pop(), orders.pop(), runs.pop()]
      if (times.length > 0 && run !== undefined) sink(time ?? 0, arrival ?? 0, run)
      return first ?? (() => undefined)
    },
  }
}
