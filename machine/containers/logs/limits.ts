/** Bounds of logs of containers, by name, with the unit last. */

/** A log file that has reached this size is rotated away. */
export const logFileBytesMax: number = 10 * 1024 * 1024
/** All log files of one object together; the oldest rotated one goes first. */
export const logBytesMax: number = 50 * 1024 * 1024
/**
 * A supervisor that has written this much into its file begins another one in its place, whether or
 * not an agent runs: the last line against a full disk. It counts from its own start, so its file
 * may have been as large as `logFileBytesMax` before.
 */
export const logSupervisorBytesMax: number = 2 * logFileBytesMax
/**
 * Upper bound of the logs of an object with one container, whatever it writes and whether or not
 * an agent runs: what was kept at the last look, the file that was written then at its largest, and
 * the one after it. A second container of the object, while it is replaced, may add the last two.
 */
export const logHardBytesMax: number = logBytesMax + logFileBytesMax + 2 * logSupervisorBytesMax
/**
 * Where a supervisor began its present file this long after the last write to the one that was seen
 * before, it may have begun and lost others in between.
 */
export const lossGapMs: number = 250
/** Log files of one object; each container that it had left one at least. */
export const logFilesMax: number = 64
/** Sizes are looked at this often: seldom where nothing is written, often where much is. */
export const logCheckMsMin: number = 250
export const logCheckMsMax: number = 2_000
/** A supervisor that was told to open its log again is told once more after this time. */
export const reopenMsMax: number = 10_000
/** Logs of objects that are no longer there are kept for this long, and of so many objects. */
export const goneLogsMsMax: number = 7 * 24 * 3_600_000
export const goneLogsMax: number = 100
/** Logs are read in blocks of this size. */
export const logBlockBytes: number = 256 * 1024
/** A record that is longer than this is damage; conmon's are at most 8 KiB and some more. */
export const logRecordBytesMax: number = 64 * 1024
/** A follower looks again after this time even if the kernel has announced nothing. */
export const followMsMax: number = 1_000
/** Followers of logs at once, over all containers. */
export const logReadersMax: number = 32

const relations: readonly (readonly [boolean, string])[] = [
  [logFileBytesMax < logSupervisorBytesMax, 'the agent rotates before a supervisor has to'],
  [logSupervisorBytesMax < logBytesMax, 'what a supervisor keeps fits what is kept'],
]
for (const [holds, reason] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${reason}`)
}
