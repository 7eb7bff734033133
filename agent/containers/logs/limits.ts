/** Bounds of logs of containers, by name, with the unit last. */

/** A log file that has reached this size is rotated away. */
export const logFileBytesMax: number = 10 * 1024 * 1024
/** All log files of one object together; the oldest rotated one goes first. */
export const logBytesMax: number = 50 * 1024 * 1024
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
