import type { RunResult } from '../run.ts'
import { warmUpMs } from '../run.ts'
import { calm } from '../scenarios/scenario.ts'
import { scenarioNamed } from '../scenarios/scenarios.ts'
import { box, label, line, plotLeft, plotRight, ticksTo } from './svg.ts'

/** Where a moment of a run stands. */
export type Place = (ms: number) => number

/** Phases of a run in simulated ms, with their names. */
interface Phase {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly style: string
}

/** When the faults of a run end. */
export function healedMs({ scenario }: RunResult): number {
  return warmUpMs + (scenarioNamed(scenario)?.setting.safetyMs ?? calm.safetyMs)
}

/** The horizontal axis that all charts of a run share. */
export function timeAxis(result: RunResult): Place {
  const most = Math.max(1, result.simulatedMs)
  return (ms) => plotLeft + (ms / most) * (plotRight - plotLeft)
}

function phasesOf(result: RunResult): readonly Phase[] {
  const end = result.simulatedMs
  const healed = Math.min(end, healedMs(result))
  return [
    { name: 'start', from: 0, to: Math.min(warmUpMs, end), style: 'var(--calm)' },
    { name: 'with faults', from: warmUpMs, to: healed, style: 'var(--faults)' },
    { name: 'without faults', from: healed, to: end, style: 'var(--calm)' },
  ]
}

/** Backgrounds of the phases behind a chart, named at the top where `named`. */
export function phaseBands(result: RunResult, place: Place, height: number, named = false): string {
  return phasesOf(result)
    .filter(({ from, to }) => to > from)
    .map(({ name, from, to, style }) => {
      const [x, width] = [place(from), place(to) - place(from)]
      const text = named && width > 60 ? label(x + 4, 11, name, 'start', 'quiet') : ''
      return box(x, 0, width, height, style) + text
    })
    .join('')
}

/** Seconds below a chart. */
export function secondsBelow(result: RunResult, place: Place, y: number): string {
  const ticks = ticksTo(result.simulatedMs / 1000, 10)
  const marks = ticks.map((tick) => {
    const x = place(tick * 1000)
    return (
      line(x, y, x, y + 4, 'axis') +
      label(x, y + 16, `${tick} s`, x > plotRight - 20 ? 'end' : 'middle', 'quiet')
    )
  })
  return line(plotLeft, y, plotRight, y, 'axis') + marks.join('')
}
