import { askAll } from '../../../all-hosts/ask-all.ts'
import { entriesFor } from '../../../all-hosts/entries.ts'
import { type OpenHost, openHosts } from '../../../all-hosts/open.ts'
import { statsGapMs } from '../../../limits.ts'
import type { Session } from '../../../terminal/session.ts'
import type { Input } from '../../definition.ts'
import { askStats } from './ask-stats.ts'
import { usageBetween } from './rates.ts'
import { type HostUsage, named, usageDocument } from './rows.ts'
import { statsTable } from './stats-table.ts'
import { watchStats } from './watch-stats.ts'

/** `covey stats [--watch] [NAME…]`. */
export async function showStats(session: Session, input: Input): Promise<void> {
  const signal = session.io.interrupted()
  const entries = await entriesFor(session, input)
  const isSeveral = entries !== undefined
  const alone: OpenHost = { name: '', session: async () => session }
  const hosts = entries === undefined ? [alone] : openHosts(session, entries)
  const words = input.args
  // Without an agent here there is nothing to watch.
  if (input.is('watch') && !isSeveral) await askStats(session, signal)
  if (input.is('watch')) return watchStats(session, { hosts, words, isSeveral, signal })
  const rows = isSeveral ? await ofAll(session, hosts, signal) : await ofOne(session, '', signal)
  if (signal.aborted) return
  const shown = named(rows, words)
  session.result(usageDocument(shown, isSeveral), statsTable(shown, isSeveral, session.paint))
}

async function ofAll(
  session: Session,
  hosts: readonly OpenHost[],
  signal: AbortSignal,
): Promise<readonly HostUsage[]> {
  const answers = await askAll(session, hosts, (asked, host) => ofOne(asked, host, signal))
  return answers.flatMap(({ value }) => value)
}

/** Two looks at a host make rates. */
async function ofOne(
  session: Session,
  host: string,
  signal: AbortSignal,
): Promise<readonly HostUsage[]> {
  const before = await askStats(session, signal)
  await session.io.wait(statsGapMs, signal)
  return usageBetween(before, await askStats(session, signal)).map((usage) => ({ host, ...usage }))
}
