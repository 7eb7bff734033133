import { countText, drawing, label, line, plotLeft, plotRight, short, ticksTo } from './svg.ts'

/** A quantity against the number of hosts. */
export interface Series {
  readonly title: string
  readonly unit: string
  /** Hosts and value. */
  readonly points: readonly (readonly [hosts: number, value: number])[]
  /** Draws a multiple of log2 n through the last point, to compare the growth with. */
  readonly againstLog: boolean
}

/** One quantity against hosts, which stand on a logarithmic axis. */
export function sizesChart({ title, unit, points, againstLog }: Series): string {
  const height = 170
  const logs = points.map(([hosts]) => Math.log10(hosts))
  const [low, high] = [Math.min(...logs), Math.max(...logs)]
  const right = plotRight - 24
  const xOf = (hosts: number): number =>
    plotLeft +
    24 +
    ((Math.log10(hosts) - low) / Math.max(0.1, high - low)) * (right - plotLeft - 24)
  const [lastHosts, lastValue] = points.at(-1) ?? [2, 1]
  const logAt = (hosts: number): number => (lastValue * Math.log2(hosts)) / Math.log2(lastHosts)
  const values = points.map(([, value]) => value)
  const most = Math.max(1e-9, ...values, ...(againstLog ? points.map(([n]) => logAt(n)) : []))
  const yOf = (value: number): number => height - (value / most) * (height - 22)
  const path = (of: (hosts: number, value: number) => number): string =>
    points.map(([n, value]) => `${short(xOf(n))},${short(yOf(of(n, value)))}`).join(' ')
  const grid = ticksTo(most).map((tick) => {
    const text = label(124, yOf(tick) + 4, countText(tick), 'end')
    return text + line(plotLeft, yOf(tick), plotRight, yOf(tick), 'grid')
  })
  const dots = points.map(([n, value]) => {
    const [x, y] = [xOf(n), yOf(value)]
    const dot = `<circle cx="${short(x)}" cy="${short(y)}" r="4" class="dot"/>`
    const text = label(x, y - 9, countText(value), 'middle', 'value')
    return dot + text + label(x, height + 16, `${n} hosts`, 'middle', 'quiet')
  })
  const log = againstLog ? `<polyline points="${path(logAt)}" class="compare"/>` : ''
  const body =
    grid.join('') +
    line(plotLeft, height, plotRight, height, 'axis') +
    log +
    `<polyline points="${path((_, value) => value)}" class="curve"/>` +
    dots.join('')
  const note = againstLog ? ' <span class="quiet">dashed: growth like log2 n</span>' : ''
  return `<h4>${title}, ${unit}${note}</h4>${drawing(height + 24, title, body)}`
}
