import { type RunResult, runScenario } from './run.ts'
import type { RunRequest } from './world/setup.ts'

/** Runs that shrinking may take. */
const runsMax = 400

/**
 * The fewest stimuli, by their numbers, that still break the same invariant: delta debugging
 * (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), bounded in
 * runs.
 */
export function shrink(request: RunRequest, found: RunResult): readonly number[] {
  const all = found.stimuli
    .map((_, index) => index)
    .filter((index) => {
      return request.only?.has(index) !== false
    })
  let runs = 0
  const breaks = (only: readonly number[]): boolean => {
    if (runs++ >= runsMax) return false
    const result = runScenario({ ...request, only: new Set(only) })
    return result.violation?.invariant === found.violation?.invariant
  }
  let kept: readonly number[] = all
  let parts = 2
  while (kept.length >= 2 && runs < runsMax) {
    const size = Math.ceil(kept.length / parts)
    let smaller: readonly number[] | null = null
    for (let start = 0; start < kept.length && smaller === null; start += size) {
      const without = [...kept.slice(0, start), ...kept.slice(start + size)]
      if (breaks(without)) smaller = without
    }
    if (smaller !== null) {
      kept = smaller
      parts = Math.max(2, parts - 1)
    } else if (parts >= kept.length) break
    else parts = Math.min(kept.length, parts * 2)
  }
  return kept
}
