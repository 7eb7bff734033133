/** One record of a container's log, in the format that conmon writes (k8s-file, also CRI's). */
export interface LogRecord {
  /** RFC 3339 with nanoseconds and an offset. */
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** True if the line goes on in the next record of this stream. */
  readonly partial: boolean
  /** Offset of the text in the record; it goes on to the record's end. */
  readonly textAt: number
}

const space = 0x20
/** Longer than any time that a record begins with, as `2026-01-31T12:00:00.123456789+00:00`. */
const timeBytesMax = 48

/**
 * Reads the head of one record, `<time> stdout|stderr F|P[:…] <text>`, given without its line feed.
 * Null for bytes that are not a record, as a machine that lost power leaves them.
 */
export function parseLogRecord(record: Uint8Array): LogRecord | null {
  const timeEnd = record.subarray(0, timeBytesMax).indexOf(space)
  if (timeEnd < 20) return null
  const streamAt = timeEnd + 1
  // `stdout` and `stderr` are six bytes long and differ from the fourth one on.
  if (record[streamAt + 6] !== space) return null
  const name = ascii(record, streamAt, streamAt + 6)
  if (name !== 'stdout' && name !== 'stderr') return null
  const tag = record[streamAt + 7]
  if (tag !== 0x46 && tag !== 0x50) return null
  const tagEnd = record.subarray(streamAt + 8, streamAt + 64).indexOf(space)
  if (tagEnd === -1) return null
  const time = ascii(record, 0, timeEnd)
  if (!timePattern.test(time)) return null
  return { time, stream: name, partial: tag === 0x50, textAt: streamAt + 8 + tagEnd + 1 }
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}
