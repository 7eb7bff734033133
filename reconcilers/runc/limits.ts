/** Bounds of how containers are kept running, by name, with the unit last. */

/** Wait before the second start in a row; the first is immediate, each further wait is doubled. */
export const restartMsMin: number = 1_000
export const restartMsMax: number = 60_000
/** A container that ran for this long restarts at once: earlier starts no longer count. */
export const soundMs: number = 120_000
/** Number of starts in a row, each ended soon, above which it is called a crash loop. */
export const crashLoopStreak: number = 2
/** A container of a crash loop that has run for this long again is reported as running. */
export const steadyMs: number = 10_000
/** The longest wait for the end of a container within the step that stops it. */
export const stopWaitMs: number = 100
/** The same if the next container is ready: a new round would take longer. */
export const replaceWaitMs: number = 500
/** The longest wait for the end of a container that was made for one command. */
export const oneOffWaitMs: number = 5_000
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
