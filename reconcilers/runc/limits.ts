/** Bounds of how containers are kept running, by name, with the unit last. */

/** Wait before the second start in a row; the first comes at once, each further one waits twice. */
export const restartMsMin: number = 1_000
export const restartMsMax: number = 60_000
/** A container that ran for this long starts at once again: what it had before counts no more. */
export const soundMs: number = 120_000
/** Starts in a row, each without running for long, from which on it is called a crash loop. */
export const crashLoopStreak: number = 2
/** A container of a crash loop that has run for this long again is shown as it is. */
export const steadyMs: number = 10_000
/** A step that asks a container to stop waits for its end only this long. */
export const stopWaitMs: number = 100
/** The same where the next container stands ready: the wait is over sooner than the next round. */
export const replaceWaitMs: number = 500
/** SIGKILL is sent again after this time; a process in the kernel's hands ends later, or never. */
export const killAgainMs: number = 10_000
/** Containers that one line of a step names. */
export const describedMax: number = 3

const relations: readonly (readonly [boolean, string])[] = [
  [restartMsMin < restartMsMax, 'waits grow'],
  [restartMsMax < soundMs, 'a crash loop that runs between two waits is one still'],
  [steadyMs < soundMs, 'a container looks sound before it counts as such'],
]
for (const [holds, reason] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${reason}`)
}
