import { lanesMax } from '../limits.ts'
import type { OrderedStep } from './order.ts'

/**
 * Takes steps in their order. Where several of one reconciler that follow each other have lanes,
 * the lanes run side by side, at most `lanesMax` at once, and each of them in order. `take` must
 * not reject.
 */
export async function inLanes(
  steps: readonly OrderedStep[],
  take: (step: OrderedStep) => Promise<void>,
): Promise<void> {
  for (const group of groupsOf(steps)) {
    const lanes = new Map<string, OrderedStep[]>()
    for (const ordered of group) {
      const lane = ordered.step.lane ?? ''
      lanes.set(lane, [...(lanes.get(lane) ?? []), ordered])
    }
    const waiting = [...lanes.values()]
    const work = async (): Promise<void> => {
      for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
        for (const ordered of lane) await take(ordered)
      }
    }
    await Promise.all(Array.from({ length: Math.min(lanesMax, waiting.length) }, work))
  }
}

/** Runs of steps that may share their time; a step without a lane stands for itself. */
function groupsOf(steps: readonly OrderedStep[]): readonly (readonly OrderedStep[])[] {
  const groups: OrderedStep[][] = []
  for (const ordered of steps) {
    const last = groups.at(-1)?.[0]
    const isShared =
      last !== undefined &&
      last.step.lane !== undefined &&
      ordered.step.lane !== undefined &&
      last.reconciler === ordered.reconciler &&
      last.step.takesDown === ordered.step.takesDown
    if (isShared) groups.at(-1)?.push(ordered)
    else groups.push([ordered])
  }
  return groups
}
