/** Bounds of what the agent does to its machine, by name, with the unit last. */

/** Names that are asked for at once: more would take all threads that files need as well. */
export const lookupsMax: number = 2
/** Names that wait for their turn; one more is refused. */
export const lookupsWaitingMax: number = 256
/** After its last event a burst of kernel events counts as over. */
export const burstMs: number = 100
/** A burst is told of after this time even if it goes on. */
export const burstMsMax: number = 1_000
/** First and largest wait before the kernel's monitor is started again. */
export const monitorRestartMsMin: number = 500
export const monitorRestartMsMax: number = 30_000
/** A monitor that ran for this long counts as sound again. */
export const monitorSoundMs: number = 10_000
/** Longest line of the monitor; the rest of a longer one is not read. */
export const monitorLineBytesMax: number = 4_096
/** A monitor counts as listening after this time; none of them says when it is. */
export const monitorReadyMs: number = 2_000
/** Links on the way to one file, as the kernel's own bound (path_resolution(7)). */
export const linksFollowedMax: number = 40
/** Time that a starting agent waits for one of its network namespace that ends, in ms. */
export const networkLockMsMax: number = 5_000
/** It tries again after this time. */
export const networkLockPollMs: number = 100
/** Largest `agent.json` and `rescue.json`. */
export const hostJsonBytesMax: number = 1024 * 1024
