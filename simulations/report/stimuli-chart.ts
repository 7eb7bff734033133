import type { Stimulus } from '../actors/stimulus.ts'
import { stimulusText } from '../actors/stimulus-text.ts'
import { type RunResult, warmUpMs } from '../run.ts'
import { box, drawing, label } from './svg.ts'
import { healedMs, type Place, phaseBands, secondsBelow, timeAxis } from './time-axis.ts'

/** The stimuli of a cluster, by lanes; the words stand at their left. */
const lanes: readonly (readonly [name: string, kinds: readonly Stimulus['kind'][]])[] = [
  ['config signed', ['sign', 'future']],
  ['signed twice', ['twice']],
  ['host added, removed', ['list']],
  ['tunnel key changed', ['rekey']],
  ['root rotated', ['rotate', 'settle']],
  ['forged or old config', ['forge', 'replay']],
  ['links cut', ['cut', 'heal']],
  ['host down', ['end']],
  ['host paused', ['pause']],
  ['clock off', ['skew']],
  ['disk damaged', ['damage', 'snapshot']],
  ['bad member acts', ['misbehave']],
]

const laneHeight = 20

/** A lane for each kind of trouble, with what lasts drawn as long as it lasts. */
export function stimuliChart(result: RunResult): string {
  const place = timeAxis(result)
  const used = lanes.filter(([, kinds]) => result.stimuli.some(({ kind }) => kinds.includes(kind)))
  const top = 16
  const bottom = top + used.length * laneHeight
  const body = used.map(([name, kinds], lane) => {
    const y = top + lane * laneHeight
    const marks = result.stimuli
      .map((stimulus, index) => ({ stimulus, index }))
      .filter(({ stimulus }) => kinds.includes(stimulus.kind))
      .map(({ stimulus, index }) => markOf(result, stimulus, index, place, y + 4))
    return label(124, y + 14, name, 'end') + marks.join('')
  })
  return drawing(
    bottom + 24,
    'What was done to the cluster',
    phaseBands(result, place, bottom, true) + body.join('') + secondsBelow(result, place, bottom),
  )
}

function markOf(
  result: RunResult,
  stimulus: Stimulus,
  index: number,
  place: Place,
  y: number,
): string {
  if (stimulus.kind === 'heal') return ''
  const at = warmUpMs + stimulus.at
  const x = place(at)
  const width = Math.max(3, place(at + lastsMs(result, stimulus, index)) - x)
  const fill = stimulus.kind === 'cut' || stimulus.kind === 'end' ? 'var(--bad)' : 'var(--mark)'
  const title = `${(at / 1000).toFixed(1)} s: ${stimulusText(stimulus)}`
  return box(x, y, width, laneHeight - 8, fill, title)
}

function lastsMs(result: RunResult, stimulus: Stimulus, index: number): number {
  if (stimulus.kind === 'end') return stimulus.downMs
  if (stimulus.kind === 'pause') return stimulus.ms
  if (stimulus.kind !== 'cut') return 0
  const heal = result.stimuli.slice(index).find(({ kind }) => kind === 'heal')
  const healedAt = healedMs(result) - warmUpMs
  return Math.min(heal?.at ?? healedAt, healedAt) - stimulus.at
}
