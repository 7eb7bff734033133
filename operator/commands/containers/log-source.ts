import { setTimeout as sleep } from 'node:timers/promises'
import type { LogRecord } from '../../../protocol/log-record.ts'
import { askStream } from '../../agent-client/stream.ts'
import type { Targets } from '../../all-hosts/known.ts'
import { logAgainMs } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { createCutter } from './log-lines.ts'

/** A record of one of several logs. */
export interface SourceRecord extends LogRecord {
  readonly text: Uint8Array
}

/** A container whose log is read. */
export type LogTarget = Targets['found'][number]

/** The part of a log to read, in the words of the route. */
export interface LogWish {
  readonly tail: string | undefined
  readonly since: string | undefined
  readonly follow: boolean
}

/** Path and query of a log. */
export function logPath(object: string, { tail, since, follow }: LogWish): string {
  const query = new URLSearchParams()
  if (tail !== undefined) query.set('tail', tail)
  if (since !== undefined) query.set('since', since)
  if (follow) query.set('follow', '1')
  return `/v1/containers/${encodeURIComponent(object)}/logs?${query}`
}

/**
 * The records of a log, in batches as they arrive. With `follow` it goes on where the agent or the
 * way to it goes away and comes back, from the record after the last one. Throws as `askStream`.
 */
export async function* readLogSource(
  session: Session,
  target: LogTarget,
  wish: LogWish,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceRecord[]> {
  let last = ''
  let isLost = false
  while (!signal.aborted) {
    // What was written in the millisecond of the last record is asked for again, and passed over.
    const again = { ...wish, since: last === '' ? wish.since : last, tail: undefined }
    const path = logPath(target.object, last === '' ? wish : again)
    const from = last
    try {
      const asked = await target.at.session(isLost ? 'again' : undefined)
      for await (const batch of batches(asked, path, signal)) {
        if (isLost) session.note(`${target.host}: the log of ${target.object} goes on`)
        isLost = false
        const fresh = batch.filter(({ time }) => time > from)
        last = fresh.at(-1)?.time ?? last
        if (fresh.length > 0) yield fresh
      }
      return
    } catch (error) {
      const isGone = error instanceof Failure && error.exit === 5
      if (!wish.follow || !isGone) throw error
      if (!isLost) session.note(`${target.host}: ${error.message}; trying again`)
      isLost = true
      await sleep(logAgainMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function* batches(
  session: Session,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceRecord[]> {
  let records: SourceRecord[] = []
  const cutter = createCutter((record, text) => records.push({ ...record, text }))
  for await (const chunk of askStream(session, { method: 'GET', path }, signal)) {
    records = []
    cutter.add(chunk)
    if (records.length > 0) yield records
  }
}
