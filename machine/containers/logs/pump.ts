import type { FileHandle } from 'node:fs/promises'
import { parseLogRecord } from '../../../protocol/log-record.ts'
import { logRecordBytesMax } from './limits.ts'

/** Takes whole records; resolves once it can take more. */
export type LogSink = (records: Uint8Array) => Promise<void>

/** Selects the records to show, by where they begin. */
export type LogFilter = (at: number, stream: 'stdout' | 'stderr') => boolean

/** A file that is read from some place on, for as long as somebody writes to it. */
export interface LogPump {
  /** Passes on all whole records that are there now. */
  run(sink: LogSink, signal: AbortSignal): Promise<void>
  /** Passes on what is left of a last record that has no end, with one. */
  finish(sink: LogSink): Promise<void>
}

/**
 * Reads a file from `start` on, up to `end`, by way of `buffer`, which several may share in turn.
 * What somebody adds behind `end` is not read.
 */
export function createLogPump(
  handle: FileHandle,
  start: number,
  filter: LogFilter | null,
  buffer: Buffer,
  end: number = Number.POSITIVE_INFINITY,
): LogPump {
  let position = start
  // Within damage that is too long for a record, until its line ends.
  let isSkipping = false

  const read = async (): Promise<Buffer> => {
    const most = Math.max(0, Math.min(buffer.length, end - position))
    const { bytesRead } = await handle.read(buffer, 0, most, position)
    return buffer.subarray(0, bytesRead)
  }
  /** Gives the whole records of a block and goes behind them. */
  const take = (block: Buffer): Buffer => {
    const whole = block.lastIndexOf(10) + 1
    let from = 0
    if (isSkipping && whole > 0) {
      from = block.indexOf(10) + 1
      isSkipping = false
    }
    const at = position + from
    const left = block.length - whole
    if (left > logRecordBytesMax) {
      isSkipping = true
      position += block.length
    } else {
      position += isSkipping ? block.length : whole
    }
    const records = block.subarray(from, whole)
    return filter === null ? records : filtered(records, at, filter)
  }
  return {
    async run(sink, signal) {
      while (!signal.aborted) {
        const at = position
        const records = take(await read())
        if (records.length > 0) await sink(Buffer.from(records))
        if (position === at) return
      }
    },
    async finish(sink) {
      const rest = await read()
      if (rest.length === 0 || isSkipping) return
      await sink(Buffer.concat([rest, Buffer.from('\n')]))
    },
  }
}

/** The records of a block that a filter lets through, as one piece. */
function filtered(records: Buffer, at: number, filter: LogFilter): Buffer {
  const kept: Buffer[] = []
  for (let from = 0; from < records.length; ) {
    const end = records.indexOf(10, from) + 1
    const record = records.subarray(from, end)
    const parsed = parseLogRecord(record)
    if (parsed !== null && filter(at + from, parsed.stream)) kept.push(record)
    from = end
  }
  return Buffer.concat(kept)
}
