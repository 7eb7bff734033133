/** One line of a benchmark: a value, and what it is held against. */
export interface BenchLine {
  readonly line: string
  /** Runs behind the value, which is their median. */
  readonly n: number
  readonly value: number
  readonly unit: string
  /**
   * The program that users would pick instead; else the floor, what cannot be undercut; else the
   * goal.
   */
  readonly peer: string
  readonly peer_value: number
  /** Value through peer value. */
  readonly ratio: number
}

/** Makes a line from measured runs. */
export function line(
  name: string,
  runs: readonly number[],
  unit: string,
  peer: string,
  peerRuns: readonly number[],
): BenchLine {
  const value = median(runs)
  const against = median(peerRuns)
  return {
    line: name,
    n: runs.length,
    value: rounded(value),
    unit,
    peer,
    peer_value: rounded(against),
    ratio: rounded(value / against),
  }
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

/** A table that lines up, for people. */
export function tableOf(lines: readonly BenchLine[]): string {
  const rows = [
    ['line', 'n', 'value', 'against', 'its value', 'ratio'],
    ...lines.map((one) => [
      one.line,
      String(one.n),
      `${one.value} ${one.unit}`,
      one.peer,
      `${one.peer_value} ${one.unit}`,
      String(one.ratio),
    ]),
  ]
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
