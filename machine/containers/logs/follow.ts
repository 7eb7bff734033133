import { type LogFile, listLogFiles, numberOf, type OpenLogFile, openLogFile } from './files.ts'
import { createLogPump, type LogPump, type LogSink } from './pump.ts'
import type { FolderChanges } from './watch-folder.ts'

/** A file that a follower has open. */
export interface FollowedLog {
  readonly file: OpenLogFile
  readonly pump: LogPump
}

/** Dependencies of a follower. */
export interface Following {
  readonly folder: string
  /** By key; what is opened and closed meanwhile is put in and taken out. */
  readonly opened: Map<string, FollowedLog>
  readonly buffer: Buffer
  readonly sink: LogSink
  readonly signal: AbortSignal
  readonly changes: FolderChanges
}

/** Passes on what is written to the files of a folder, new ones too, until the signal fires. */
export async function followLogs(following: Following): Promise<void> {
  const { folder, opened, sink, signal, changes } = following
  // Keys of files that were passed on whole and that nobody writes to any more.
  const done = new Set<string>()
  while (!signal.aborted) {
    const files = listLogFiles(folder)
    const unknown = files.filter(({ key }) => !opened.has(key) && !done.has(key))
    for (const file of unknown.sort(byEnd)) {
      await begin(following, file)
    }
    for (const { pump } of opened.values()) await pump.run(sink, signal)
    await closeSuperseded(following, files, done)
    const present = new Set(files.map(({ key }) => key))
    for (const key of done) if (!present.has(key)) done.delete(key)
    await changes.next(signal)
  }
}

/** Orders files by last write, latest last; on a tie the file that was not rotated away is last. */
function byEnd(a: LogFile, b: LogFile): number {
  return a.writtenMs - b.writtenMs || numberOf(a) - numberOf(b)
}

async function begin({ opened, buffer }: Following, listed: LogFile): Promise<void> {
  const file = await openLogFile(listed)
  if (file === null) return
  // The name may mean another file by now; the next listing has both.
  if (file.key !== listed.key) return await file.handle.close()
  opened.set(file.key, { file, pump: createLogPump(file.handle, 0, null, buffer) })
}

/**
 * Closes what is read whole and will not grow: files that are gone, and rotated ones whose
 * supervisor was seen to write to another one. The newest rotated file may grow until then.
 */
async function closeSuperseded(
  { opened, sink, signal }: Following,
  files: readonly LogFile[],
  done: Set<string>,
): Promise<void> {
  for (const [key, { file, pump }] of opened) {
    const now = files.find((one) => one.key === key)
    if (now === undefined ? !(await isRemoved(file)) : !isSuperseded(now, files)) continue
    await pump.run(sink, signal)
    if (signal.aborted) return
    opened.delete(key)
    await file.handle.close()
    if (now !== undefined) done.add(key)
  }
}

/** A listing may miss a file that is renamed meanwhile; only one without any name is gone. */
async function isRemoved({ handle }: OpenLogFile): Promise<boolean> {
  return (await handle.stat()).nlink === 0
}

function isSuperseded({ id, number }: LogFile, files: readonly LogFile[]): boolean {
  if (number === null) return false
  return files.some((one) => one.id === id && (one.number === null || one.number > number))
}
