import type { FileHandle } from 'node:fs/promises'
import { recordMs } from './files.ts'
import { logRecordBytesMax } from './limits.ts'

/**
 * Where the records of a file that are not older than `sinceMs` (milliseconds since 1970) begin.
 * Reads a few blocks only: times grow within a file, but for steps of the host's clock.
 */
export async function offsetSince(
  handle: FileHandle,
  sizeBytes: number,
  sinceMs: number,
): Promise<number> {
  let low = 0
  let high = sizeBytes
  const block = Buffer.alloc(2 * logRecordBytesMax)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    const { bytesRead } = await handle.read(block, 0, block.length, middle)
    const found = firstRecord(block.subarray(0, bytesRead), middle === 0)
    // Nothing that can be read lies between the middle and the end of the block: look before it.
    if (found === null || middle + found.at >= high) {
      high = middle
      continue
    }
    if (found.ms < sinceMs) low = middle + found.at + found.length
    else high = middle
  }
  return await startAt(handle, block, low, sinceMs)
}

interface Found {
  readonly at: number
  readonly length: number
  readonly ms: number
}

/** The first record of a block that can be read; the end of one before it is passed over. */
function firstRecord(block: Buffer, isStart: boolean): Found | null {
  let at = isStart ? 0 : block.indexOf(10) + 1
  if (at === 0 && !isStart) return null
  while (at < block.length) {
    const end = block.indexOf(10, at)
    if (end === -1) return null
    const ms = recordMs(block.subarray(at, end))
    if (ms !== null) return { at, length: end + 1 - at, ms }
    at = end + 1
  }
  return null
}

/** Goes from the end of an older record to the first that is not older. */
async function startAt(
  handle: FileHandle,
  block: Buffer,
  from: number,
  sinceMs: number,
): Promise<number> {
  const { bytesRead } = await handle.read(block, 0, block.length, from)
  const bytes = block.subarray(0, bytesRead)
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at)
    if (end === -1) return from + at
    const ms = recordMs(bytes.subarray(at, end))
    if (ms !== null && ms >= sinceMs) return from + at
    at = end + 1
  }
  return from + bytesRead
}
