import { askStream } from '../../agent-client/stream.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { jsonPrinter, textPrinter } from './log-lines.ts'
import { containerName } from './name.ts'

/** `covey logs [-f] [-n LINES] [--since WHEN] [--timestamps] NAME`. */
export async function showLogs(session: Session, input: Input): Promise<void> {
  const name = containerName(input)
  const query = new URLSearchParams()
  const tail = input.text('tail')
  if (tail !== undefined) query.set('tail', linesOf(tail))
  const since = input.text('since')
  if (since !== undefined) query.set('since', timeOf(since, session.io.now()))
  if (input.is('follow')) query.set('follow', '1')
  const printer = session.settings.json
    ? jsonPrinter(session)
    : textPrinter(session, input.is('timestamps'))
  const path = `/v1/containers/${encodeURIComponent(name)}/logs?${query}`
  const signal = session.io.interrupted()
  try {
    for await (const chunk of askStream(session, { method: 'GET', path }, signal)) {
      await printer.add(chunk)
    }
  } finally {
    await printer.end()
  }
}

function linesOf(text: string): string {
  if (text === 'all') return '999999999'
  if (/^\d{1,9}$/.test(text)) return text
  throw new Failure(2, 'usage', `--tail ${text}: must be a number of lines`, {
    hint: 'covey logs --tail 100 NAME',
  })
}

const units: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `10m`, `1h30m`, `2026-01-31`, `2026-01-31T12:00:00Z` as RFC 3339, by this machine's clock. */
function timeOf(text: string, nowMs: number): string {
  const ms = /^(\d{1,9}[smhd])+$/.test(text) ? nowMs - ageOf(text) : absoluteOf(text)
  const isTime = ms >= 0 && ms < 8.64e15
  if (isTime) return new Date(ms).toISOString()
  throw new Failure(2, 'usage', `--since ${text}: must be an age or a time`, {
    hint: '--since 10m, --since 1h30m, or --since 2026-01-31T12:00:00Z',
  })
}

function ageOf(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0)
}

/** A date that no calendar has would be taken for one of the next month. */
function isDate(text: string): boolean {
  const day = Date.parse(text.slice(0, 10))
  return !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10))
}

function absoluteOf(text: string): number {
  const isTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/i.test(text)
  return isTime && isDate(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN
}
