import type { FileHandle } from 'node:fs/promises'
import { parseLogRecord } from '../../../protocol/log-record.ts'
import type { OpenLogFile } from './files.ts'
import { logBlockBytes } from './limits.ts'

/** Start of reading, in a list of files: the index of the file, and bytes into it. */
export interface LogPlace {
  readonly file: number
  readonly at: number
}

/** Start of reading, for each stream: their last lines may begin far apart. */
export interface TailStart {
  readonly stdout: LogPlace
  readonly stderr: LogPlace
}

/**
 * Finds where the last `lines` lines of some files begin, by reading them backwards in blocks. A
 * line is all records of its stream up to one that is not partial; one that has not ended yet
 * counts.
 */
export async function findTail(files: readonly OpenLogFile[], lines: number): Promise<TailStart> {
  const end: LogPlace = { file: files.length, at: 0 }
  const search = createSearch(end, lines)
  if (lines === 0) return search.start()
  for (const [file, { handle, sizeBytes }] of [...files.entries()].reverse()) {
    if (await searchFile(handle, sizeBytes, file, search)) break
  }
  return search.start()
}

interface Search {
  /** Takes the next record backwards; whether that was enough. */
  see(place: LogPlace, record: Uint8Array): boolean
  /** No record is so long: what lies before belongs to no line that was taken. As `see`. */
  gap(): boolean
  start(): TailStart
}

function createSearch(end: LogPlace, lines: number): Search {
  const from = { stdout: end, stderr: end }
  // Whether the records before the earliest one that was taken may still belong to its line.
  const isOpen = { stdout: false, stderr: false }
  const wasSeen = { stdout: false, stderr: false }
  let taken = 0
  const isEnough = (): boolean => taken === lines && !isOpen.stdout && !isOpen.stderr
  return {
    see(place, record) {
      const parsed = parseLogRecord(record)
      if (parsed === null) return false
      const { stream, partial } = parsed
      const endsLine = !partial || !wasSeen[stream]
      wasSeen[stream] = true
      if (endsLine) {
        isOpen[stream] = taken < lines
        if (taken < lines) taken++
      }
      if (isOpen[stream]) from[stream] = place
      return isEnough()
    },
    gap() {
      isOpen.stdout = false
      isOpen.stderr = false
      return isEnough()
    },
    start: () => ({ ...from }),
  }
}

/** Shows the records of a file from its end on, until that is enough. */
async function searchFile(
  handle: FileHandle,
  sizeBytes: number,
  file: number,
  search: Search,
): Promise<boolean> {
  const buffer = Buffer.alloc(logBlockBytes)
  for (let end = sizeBytes; end > 0; ) {
    const from = Math.max(0, end - buffer.length)
    const { bytesRead } = await handle.read(buffer, 0, end - from, from)
    const block = buffer.subarray(0, bytesRead)
    const left = searchBlock(block, from, (at, record) => search.see({ file, at }, record))
    if (left === null) return true
    if (left === end && search.gap()) return true
    end = left === end ? from : left
  }
  return false
}

/**
 * Shows the records of a block backwards. Gives the end of what is left before them, or null where
 * one was enough.
 */
function searchBlock(
  block: Buffer,
  from: number,
  see: (at: number, record: Uint8Array) => boolean,
): number | null {
  let end = block.length
  while (end > 0) {
    // The last byte ends a record, or is the last one of a record that is not ended.
    const before = end >= 2 ? block.lastIndexOf(10, end - 2) : -1
    const at = before + 1
    if (before === -1 && from > 0) break
    const isEnded = block[end - 1] === 10
    if (see(from + at, block.subarray(at, isEnded ? end - 1 : end))) return null
    end = at
  }
  return from + end
}
