import type { LogFile } from './files.ts'

/** Space that the logs of one object may take. */
export interface LogBudget {
  readonly bytesMax: number
  readonly filesMax: number
}

/** Removals and rotations that keep a budget. */
export interface LogSavings {
  /** Rotated files to remove, the oldest first. */
  readonly remove: readonly LogFile[]
  /**
   * Current files to rotate away so that they can be removed: those of containers that are no
   * more, were it not for which the budget would not be kept.
   */
  readonly rotate: readonly LogFile[]
}

/**
 * Which files of an object's log go. The newest rotated file goes last: it is what the last lines
 * are in when the supervisor has only just begun another.
 */
export function savingsOf(files: readonly LogFile[], budget: LogBudget): LogSavings {
  const byAge = files.toSorted((a, b) => a.writtenMs - b.writtenMs)
  const newest = byAge.findLast(({ number }) => number !== null)
  const remove: LogFile[] = []
  const rotate: LogFile[] = []
  let bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let count = files.length
  for (const file of byAge) {
    if (bytes <= budget.bytesMax && count <= budget.filesMax) break
    if (file === newest || file === byAge.at(-1)) continue
    if (file.number === null) rotate.push(file)
    else remove.push(file)
    bytes -= file.sizeBytes
    count--
  }
  // Better to lose lines than the disk.
  if (bytes > budget.bytesMax && newest !== undefined) remove.push(newest)
  return { remove, rotate }
}
