import type { StatsSample } from '../../../../protocol/api/stats.ts'
import type { OpenHost } from '../../../all-hosts/open.ts'
import { statsWatchMs } from '../../../limits.ts'
import { control } from '../../../terminal/controls.ts'
import { Failure } from '../../../terminal/failure.ts'
import { jsonLine, type Session } from '../../../terminal/session.ts'
import { askStats } from './ask-stats.ts'
import { usageBetween } from './rates.ts'
import { type HostUsage, named, usageDocument } from './rows.ts'
import { statsTable } from './stats-table.ts'

/** A watch of what containers use. */
export interface StatsWatch {
  readonly hosts: readonly OpenHost[]
  readonly words: readonly string[]
  readonly isSeveral: boolean
  /** Ends it. */
  readonly signal: AbortSignal
}

/** The latest of one host. */
interface HostLook {
  rows: readonly HostUsage[]
  /** The reason why its host does not answer; null while it does. */
  trouble: string | null
}

/**
 * Shows what containers use until the signal fires. Each host is asked in a loop of its own, so
 * that one that does not answer keeps no other from being shown.
 */
export async function watchStats(session: Session, watch: StatsWatch): Promise<void> {
  const { hosts, signal } = watch
  const looks = new Map<string, HostLook>()
  // Nobody waits for them: a question that never ends is not in the way of the end.
  for (const host of hosts) void follow(session, host, signal, looks)
  const show = shower(session)
  await session.io.wait(statsWatchMs / 2, signal)
  while (!signal.aborted) {
    show(watch, looks)
    await session.io.wait(statsWatchMs, signal)
  }
}

async function follow(
  session: Session,
  host: OpenHost,
  signal: AbortSignal,
  looks: Map<string, HostLook>,
): Promise<void> {
  const look: HostLook = { rows: [], trouble: 'has not answered yet' }
  looks.set(host.name, look)
  let before: StatsSample | null = null
  for (let again: 'again' | undefined; !signal.aborted; ) {
    try {
      const sample: StatsSample = await askStats(await host.session(again), signal)
      look.rows = usageBetween(before, sample).map((usage) => ({ host: host.name, ...usage }))
      look.trouble = null
      before = sample
      again = undefined
    } catch (error) {
      // What was last known of it is not what it uses now.
      look.rows = []
      look.trouble = error instanceof Failure ? error.message : 'cannot be asked'
      before = null
      again = 'again'
    }
    await session.io.wait(statsWatchMs / 2, signal)
  }
}

type Show = (watch: StatsWatch, looks: ReadonlyMap<string, HostLook>) => void

function shower(session: Session): Show {
  const { io, settings } = session
  const rowsOf = (watch: StatsWatch, looks: ReadonlyMap<string, HostLook>) => {
    return named(
      [...looks.values()].flatMap(({ rows }) => rows),
      watch.words,
    )
  }
  if (settings.json) {
    return (watch, looks) => {
      io.out(jsonLine(usageDocument(rowsOf(watch, looks), watch.isSeveral)))
      for (const line of troubles(looks)) session.warn(line)
    }
  }
  const textOf: (...input: Parameters<Show>) => string = (watch, looks) => {
    const rows = rowsOf(watch, looks)
    const text = statsTable(rows, watch.isSeveral, session.paint)
    return `${text}${troubles(looks)
      .map((line) => `${line}\n`)
      .join('')}`
  }
  if (!io.outIsTerminal) return (watch, looks) => io.out(`${textOf(watch, looks)}\n`)
  return (watch, looks) => {
    // Home, the text with the rest of each line cleared, then the rest of the screen.
    const [home, clearLine, clearRest] = ['\u001b[H', '\u001b[K', '\u001b[J'].map(control)
    io.out(`${home}${textOf(watch, looks).replaceAll('\n', `${clearLine}\n`)}${clearRest}`)
  }
}

/** Hosts that are not heard, a line each. */
function troubles(looks: ReadonlyMap<string, HostLook>): readonly string[] {
  return [...looks].flatMap(([host, { trouble }]) => {
    if (trouble === null) return []
    return [host === '' ? trouble : `${host}: ${trouble}`]
  })
}
