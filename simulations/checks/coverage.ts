/**
 * The number of times that something happened in a run, by a name such as `stimulus cut`, `alarm
 * fork`, `disk full`.
 */
export type Coverage = Map<string, number>

/** An owner of such counts, as a simulated cluster is. */
interface Covered {
  readonly coverage: Coverage
}

/** Counts that something happened: what never happens in a scenario is not shown by it. */
export function cover({ coverage }: Covered, what: string, times = 1): void {
  if (times > 0) coverage.set(what, (coverage.get(what) ?? 0) + times)
}

/** Counts by name, in the order of names. */
export function coverageTable(coverage: Coverage): Readonly<Record<string, number>> {
  return Object.fromEntries([...coverage].sort(([a], [b]) => (a < b ? -1 : 1)))
}
