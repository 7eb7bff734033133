import { askStream } from '../../agent-client/stream.ts'
import { findTargets } from '../../all-hosts/known.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { mergedPrinter } from './log-columns.ts'
import { jsonPrinter, textPrinter } from './log-lines.ts'
import { mergeLogs } from './log-merge.ts'
import {
  type LogTarget,
  type LogWish,
  logPath,
  readLogSource,
  type SourceRecord,
} from './log-source.ts'
import { containerName } from './name.ts'

/** `covey logs [-f] [-n LINES] [--since WHEN] [--timestamps] NAME…`. */
export async function showLogs(session: Session, input: Input): Promise<void> {
  containerName(input)
  const tail = input.text('tail')
  const since = input.text('since')
  const wish = {
    tail: tail === undefined ? undefined : linesOf(tail),
    since: since === undefined ? undefined : timeOf(since, session.io.now()),
    follow: input.is('follow'),
  }
  const signal = session.io.interrupted()
  const { found, isSeveral } = await findTargets(session, input, input.args)
  const [first] = found
  if (first !== undefined && found.length === 1 && !isSeveral) {
    return await showOne(session, input, first, wish, signal)
  }
  await showMerged(session, input, found, wish, signal)
}

/** One log as it is: every stream to its own, a partial line as far as it goes. */
async function showOne(
  session: Session,
  input: Input,
  { object }: LogTarget,
  wish: LogWish,
  signal: AbortSignal,
): Promise<void> {
  const printer = session.settings.json
    ? jsonPrinter(session)
    : textPrinter(session, input.is('timestamps'))
  const question = { method: 'GET', path: logPath(object, wish) } as const
  try {
    for await (const chunk of askStream(session, question, signal)) await printer.add(chunk)
  } finally {
    await printer.end()
  }
}

async function showMerged(
  session: Session,
  input: Input,
  found: readonly LogTarget[],
  wish: LogWish,
  signal: AbortSignal,
): Promise<void> {
  const printer = mergedPrinter(session, found, input.is('timestamps'))
  const faults: unknown[] = []
  const sources = found.map((target) => told(session, target, wish, signal, faults))
  try {
    for await (const batch of mergeLogs(sources, signal)) await printer.add(batch)
  } finally {
    await printer.end()
  }
  if (faults.length === found.length) throw faults[0]
}

/** A log that cannot be read is told of, and the others go on. */
async function* told(
  session: Session,
  target: LogTarget,
  wish: LogWish,
  signal: AbortSignal,
  faults: unknown[],
): AsyncGenerator<readonly SourceRecord[]> {
  try {
    yield* readLogSource(session, target, wish, signal)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    faults.push(error)
    const where = target.host === '' ? '' : ` on ${target.host}`
    session.warn(`${target.object}${where}: ${error.message}`)
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
