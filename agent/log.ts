import { writeSync } from 'node:fs'
import { type Logger, pino } from 'pino'
import { escapedJson } from '../protocol/printable.ts'
import { logWaitMs, logWaitsMax } from './limits.ts'

/**
 * The agent's log: JSON lines on stdout, or on another descriptor. A disk that is full under them
 * costs lines, never the agent; those that come when there is room again are written.
 */
export function openLog(level: string, descriptor = 1): Logger {
  let torn = false
  const write = (line: string): void => {
    // What other hosts say is in it, and it may be a terminal that shows it.
    const safe = escapedJson(line)
    const bytes = Buffer.from(torn ? `\n${safe}` : safe)
    const written = writeAll(descriptor, bytes)
    if (written > 0) torn = written < bytes.length
  }
  // pino writes an Error as `{}` under any name but its own.
  const error = (value: unknown): unknown => (value instanceof Error ? value.message : value)
  return pino({ level, base: null, serializers: { error } }, { write })
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Count of bytes written. Waits for a slow reader of a pipe, but not for ever. */
function writeAll(descriptor: number, bytes: Buffer): number {
  let at = 0
  for (let waits = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at)
    } catch (error) {
      const isBusy = error instanceof Error && 'code' in error && error.code === 'EAGAIN'
      if (!isBusy || ++waits > logWaitsMax) return at
      Atomics.wait(sleeper, 0, 0, logWaitMs)
    }
  }
  return at
}
