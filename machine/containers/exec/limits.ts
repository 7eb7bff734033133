/** Bounds of commands that are run in containers, by name, with the unit last. */

/** Commands that run at once, over all containers. */
export const execsMax: number = 16
/** Time from the connection to its first frame, and from there to the program's start. */
export const execAskMsMax: number = 10_000
export const execStartMsMax: number = 30_000
/** Between SIGHUP to what a client has left behind, and SIGKILL. */
export const execEndMs: number = 1_000
/** Rounds of looking for and killing what a client has left behind. */
export const execKillRoundsMax: number = 20
/** Limit on the runtime's own error text that is read when it starts nothing. */
export const execReasonBytesMax: number = 64 * 1024
/** Account files of a container that are larger than this are not read. */
export const accountFileBytesMax: number = 1024 * 1024
