import { readdirSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLogRecord } from '../../../protocol/log-record.ts'
import { type LogName, parseLogName } from './places.ts'

/** One file of an object's log, as it was when the folder was listed. */
export interface LogFile extends LogName {
  readonly path: string
  /** Tells a file from another one that has taken its name. */
  readonly key: string
  readonly sizeBytes: number
  /** Of the last write, in ms since 1970. */
  readonly writtenMs: number
  /** When it was made, in ms since 1970. */
  readonly bornMs: number
  /** The rotated name that a current file has already; see `nameAhead`. Null where it has none. */
  readonly ahead: string | null
}

/** A file that can be read whatever becomes of its name. */
export interface OpenLogFile extends LogFile {
  readonly handle: FileHandle
}

/**
 * Files of a log folder, in no order; none where there is no folder. A file that is renamed
 * meanwhile may be missing. Waits for the disk, which has all of this in memory: to be asked for
 * hundreds of folders every other second, promises would cost ten times as much.
 */
export function listLogFiles(folder: string): readonly LogFile[] {
  const files = namesIn(folder).flatMap((name): readonly LogFile[] => {
    try {
      const seen = statSync(name.path, { bigint: true })
      return seen.isFile() ? [{ ...name, ...factsOf(seen), ahead: null }] : []
    } catch {
      return []
    }
  })
  const currents = new Set(files.filter(({ number }) => number === null).map(({ key }) => key))
  const isAhead = ({ number, key }: LogFile): boolean => number !== null && currents.has(key)
  const ahead = new Map(files.filter(isAhead).map(({ key, path }) => [key, path]))
  if (ahead.size === 0) return files
  // A file with two names is one file, and its current name tells more.
  return files
    .filter((file) => !isAhead(file))
    .map((file) => ({ ...file, ahead: ahead.get(file.key) ?? null }))
}

/**
 * Opens all files of a log folder in the order of their first records, what was rotated away before
 * what followed it. A rotation meanwhile hides none: it looks until nothing new is found. The
 * caller closes them.
 */
export async function openLogFiles(folder: string): Promise<readonly OpenLogFile[]> {
  const opened = new Map<string, OpenLogFile>()
  for (let before = -1; before < opened.size; ) {
    before = opened.size
    for (const name of namesIn(folder)) {
      const file = await openLogFile(name)
      if (file === null) continue
      if (opened.has(file.key)) await file.handle.close()
      // The name may have become a rotated one since.
      opened.set(file.key, { ...file, handle: opened.get(file.key)?.handle ?? file.handle })
    }
  }
  return await inOrderOfTime([...opened.values()])
}

/** Opens what a name means now; null where it means nothing any more. */
export async function openLogFile(
  name: LogName & { readonly path: string },
): Promise<OpenLogFile | null> {
  const handle = await open(name.path).catch(() => null)
  if (handle === null) return null
  const seen = await handle.stat({ bigint: true })
  const { id, number, path } = name
  return { id, number, path, ...factsOf(seen), ahead: null, handle }
}

/** Names in a folder; none where there is no such folder. */
export function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function namesIn(folder: string): readonly (LogName & { readonly path: string })[] {
  return entriesOf(folder).flatMap((name) => {
    const parsed = parseLogName(name)
    return parsed === null ? [] : [{ ...parsed, path: join(folder, name) }]
  })
}

function factsOf(seen: {
  readonly ino: bigint
  readonly birthtimeNs: bigint
  readonly size: bigint
  readonly mtimeMs: bigint
  readonly birthtimeMs: bigint
}): Pick<LogFile, 'key' | 'sizeBytes' | 'writtenMs' | 'bornMs'> {
  return {
    key: `${seen.ino}:${seen.birthtimeNs}`,
    sizeBytes: Number(seen.size),
    writtenMs: Number(seen.mtimeMs),
    bornMs: Number(seen.birthtimeMs),
  }
}

async function inOrderOfTime(files: readonly OpenLogFile[]): Promise<readonly OpenLogFile[]> {
  const timed = await Promise.all(
    files.map(async (file) => ({ file, sinceMs: await firstRecordMs(file.handle) })),
  )
  timed.sort((a, b) => {
    return a.sinceMs - b.sinceMs || numberOf(a.file) - numberOf(b.file)
  })
  return timed.map(({ file }) => file)
}

/** Number of a file in the order of rotation; the current file comes after all others. */
export function numberOf(file: LogFile): number {
  return file.number ?? Number.POSITIVE_INFINITY
}

/** When the first record of a file was written, in ms since 1970; later than all where none is. */
async function firstRecordMs(handle: FileHandle): Promise<number> {
  const start = Buffer.alloc(128)
  const { bytesRead } = await handle.read(start, 0, start.length, 0)
  return recordMs(start.subarray(0, bytesRead)) ?? Number.MAX_SAFE_INTEGER
}

/** When a record was written, in ms since 1970, from its first bytes; null if not a record. */
export function recordMs(record: Uint8Array): number | null {
  const parsed = parseLogRecord(record)
  if (parsed === null) return null
  const ms = Date.parse(parsed.time)
  return Number.isNaN(ms) ? null : ms
}
