import type { RunResult } from '../run.ts'

/** A run, and what it cost. */
export interface Timed {
  readonly result: RunResult
  /** Time of the processor in ms. */
  readonly cpuMs: number
}

/** The memory of many runs, however many they are. */
export interface Tally {
  runs: number
  broken: number
  events: number
  simulatedMs: number
  cpuMs: number
  /** Longest time from the last fault to agreement, in ms. */
  slowestMs: number
  /** The first run, and the first that broke an invariant. */
  first: RunResult | null
  firstBroken: RunResult | null
}

/** A tally of nothing yet. */
export function createTally(): Tally {
  return {
    runs: 0,
    broken: 0,
    events: 0,
    simulatedMs: 0,
    cpuMs: 0,
    slowestMs: 0,
    first: null,
    firstBroken: null,
  }
}

/** Adds a run. */
export function addTo(tally: Tally, { result, cpuMs }: Timed): void {
  tally.runs++
  tally.events += result.events
  tally.simulatedMs += result.simulatedMs
  tally.cpuMs += cpuMs
  tally.slowestMs = Math.max(tally.slowestMs, result.agreedMs ?? 0)
  tally.first ??= result
  if (result.violation === null) return
  tally.broken++
  tally.firstBroken ??= result
}
