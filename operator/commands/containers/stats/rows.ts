import { containersNamed } from '../../../all-hosts/find.ts'
import type { Usage } from './rates.ts'

/** The use of a container, with the host that it is on; empty where there is one only. */
export interface HostUsage extends Usage {
  readonly host: string
}

/**
 * The rows that the words mean, by host and name; all without words. Throws `Failure`
 * `ambiguous-name`.
 */
export function named(rows: readonly HostUsage[], words: readonly string[]): readonly HostUsage[] {
  if (words.length === 0) return rows
  const known = rows.map((row) => ({ row, ...row, object: row.name }))
  const found = new Set<unknown>(words.flatMap((word) => containersNamed(word, known)))
  return known.filter((each) => found.has(each)).map(({ row }) => row)
}

/** The document that `--json` prints of rows. */
export function usageDocument(rows: readonly HostUsage[], isSeveral: boolean): unknown {
  return rows.map(({ host, start_ticks: _, ...row }) => (isSeveral ? { host, ...row } : row))
}
