import { type OpenLogFile, openLogFiles } from './files.ts'
import { type FollowedLog, followLogs } from './follow.ts'
import { logBlockBytes } from './limits.ts'
import { createLogPump, type LogFilter, type LogSink } from './pump.ts'
import { offsetSince } from './since.ts'
import { findTail, type LogPlace } from './tail.ts'
import { watchFolder } from './watch-folder.ts'

/** Query for a part of a log. */
export interface LogQuery {
  /** Only records that are not older, in ms since 1970; null for all. */
  readonly sinceMs: number | null
  /** Only that many last lines; null for all. */
  readonly tail: number | null
  /** Go on with what is written later, until the signal fires. */
  readonly follow: boolean
}

/**
 * Passes on the records of an object's log, over all of its containers, in conmon's format: whole
 * records, each ended by a line feed. Rotation, and containers that follow each other, lose none.
 * Ends early, without an error, when the signal fires.
 */
export async function readLog(
  folder: string,
  query: LogQuery,
  sink: LogSink,
  signal: AbortSignal,
): Promise<void> {
  // Begun before anything is read: what is written from here on is announced.
  const changes = query.follow ? watchFolder(folder) : null
  const files = await openLogFiles(folder)
  const buffer = Buffer.alloc(logBlockBytes)
  const opened = new Map<string, FollowedLog>()
  try {
    const starts = await startsOf(files, query)
    for (const [index, file] of files.entries()) {
      const { at, filter } = starts[index] ?? { at: 0, filter: null }
      // The last lines were counted up to here: what is written since would be one too many.
      const end = changes === null ? file.sizeBytes : undefined
      const pump = createLogPump(file.handle, at, filter, buffer, end)
      opened.set(file.key, { file, pump })
      await pump.run(sink, signal)
      if (changes === null && !signal.aborted) await pump.finish(sink)
    }
    if (changes !== null) {
      await followLogs({ folder, opened, buffer, sink, signal, changes })
    }
  } finally {
    changes?.stop()
    const left = new Set([...files, ...[...opened.values()].map(({ file }) => file)])
    await Promise.all([...left].map(({ handle }) => handle.close()))
  }
}

interface Start {
  readonly at: number
  readonly filter: LogFilter | null
}

async function startsOf(
  files: readonly OpenLogFile[],
  { sinceMs, tail }: LogQuery,
): Promise<readonly Start[]> {
  const since: number[] = []
  for (const { handle, sizeBytes, writtenMs } of files) {
    const isOlder = sinceMs !== null && writtenMs < sinceMs
    if (sinceMs === null) since.push(0)
    else since.push(isOlder ? sizeBytes : await offsetSince(handle, sizeBytes, sinceMs))
  }
  if (tail === null) return since.map((at) => ({ at, filter: null }))
  const start = await findTail(files, tail)
  return files.map((file, index) => {
    const stdout = offsetIn(start.stdout, index, file)
    const stderr = offsetIn(start.stderr, index, file)
    const at = Math.max(since[index] ?? 0, Math.min(stdout, stderr))
    if (stdout === stderr) return { at, filter: null }
    return { at, filter: (place, stream) => place >= (stream === 'stdout' ? stdout : stderr) }
  })
}

/** Offset where a stream begins in the file of that index; its end if that is in a later file. */
function offsetIn(place: LogPlace, index: number, file: OpenLogFile): number {
  if (index === place.file) return place.at
  return index > place.file ? 0 : file.sizeBytes
}
