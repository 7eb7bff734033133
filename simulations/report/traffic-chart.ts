import type { RunResult } from '../run.ts'
import { countText, drawing, label, line, plotLeft, plotRight, short, ticksTo } from './svg.ts'
import { phaseBands, secondsBelow, timeAxis } from './time-axis.ts'

/** Messages, or bytes, that all hosts send in a second, over time. */
export function trafficChart(result: RunResult, what: 'messages' | 'bytes'): string {
  const { samples } = result
  const place = timeAxis(result)
  const height = 120
  const rates = samples.map((sample, index) => {
    const before = samples[index - 1]
    const seconds = Math.max(0.001, (sample.at - (before?.at ?? 0)) / 1000)
    return { at: sample.at, rate: (sample[what] - (before?.[what] ?? 0)) / seconds }
  })
  const most = Math.max(1, ...rates.map(({ rate }) => rate))
  const yOf = (rate: number): number => height - (rate / most) * (height - 6)
  const points = rates.map(({ at, rate }) => `${short(place(at))},${short(yOf(rate))}`).join(' ')
  const ticks = ticksTo(most).map((tick) => {
    const y = yOf(tick)
    const text = label(124, y + 4, countText(tick), 'end')
    return text + line(plotLeft, y, plotRight, y, 'grid')
  })
  const body =
    phaseBands(result, place, height) +
    ticks.join('') +
    `<polyline points="${points}" class="curve"/>` +
    secondsBelow(result, place, height)
  return drawing(height + 24, `${what} in a second over time`, body)
}
