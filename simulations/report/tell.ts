import { spawnSync } from 'node:child_process'
import { stimulusText } from '../actors/stimulus-text.ts'
import { type RunResult, warmUpMs } from '../run.ts'
import { timeText } from './moments.ts'
import type { Tally } from './tally.ts'

/**
 * The part of a result that the seed determines; with a violation, also the fewest stimuli that
 * bring it about.
 */
export function publicPart(result: RunResult, only: readonly number[] | null): object {
  const { stimuli: _stimuli, samples: _samples, ...rest } = result
  return only === null ? rest : { ...rest, only }
}

/** One line about the seeds of one scenario and size. */
export function agreedText({ first, firstBroken, runs, slowestMs }: Tally): string {
  if (first === null) return ''
  const { scenario, hosts } = first
  const seeds = runs === 1 ? `seed ${first.seed}` : `${runs} seeds`
  const end =
    firstBroken === null
      ? `agreed within ${(slowestMs / 1000).toFixed(1)} s of the last fault`
      : `invariant ${firstBroken.violation?.invariant} broken by seed ${firstBroken.seed}`
  return `${scenario.padEnd(26)}${`${hosts} hosts`.padStart(12)}  ${seeds.padEnd(12)}${end}`
}

/** One line about everything that was run, with how fast that was. */
export function summaryText({ runs, events, cpuMs, simulatedMs, broken }: Tally): string {
  const rate = cpuMs > 0 ? Math.round((events / cpuMs) * 1000) : 0
  const digits = (value: number): string => Math.round(value).toLocaleString('en')
  return (
    `${runs} runs, ${digits(simulatedMs / 1000)} simulated s, ${digits(events)} events, ` +
    `${digits(rate)} a second of processor time: ${broken === 0 ? 'no violation' : `${broken} broken`}`
  )
}

/** Commit of this checkout, where there is one. */
function commit(): string {
  const git = (...args: string[]): string => {
    const ran = spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' })
    return ran.status === 0 ? ran.stdout.trim() : ''
  }
  const head = git('rev-parse', '--short', 'HEAD')
  if (head === '') return 'unknown'
  return git('status', '--porcelain', '--untracked-files=no') === '' ? head : `${head} with changes`
}

/** A violation: what it is, what brings it about, and the command that shows it again. */
export function violationText(result: RunResult, only: readonly number[]): string {
  const { violation, seed, hosts, scenario, stimuli } = result
  if (violation === null) return ''
  const events = only.flatMap((index) => {
    const stimulus = stimuli[index]
    if (stimulus === undefined) return []
    const at = timeText(warmUpMs + stimulus.at)
    return [`  ${String(index).padStart(4)} ${at}  ${stimulusText(stimulus)}`]
  })
  const some = only.length < stimuli.length ? ` --only ${only.join(',') || 'none'}` : ''
  const lines = [
    `invariant ${violation.invariant} broken: ${violation.host} ${violation.what}`,
    `  ${scenario}, seed ${seed}, ${hosts} hosts, commit ${commit()}`,
    `  after ${only.length} of ${stimuli.length} stimuli, which are enough:`,
    ...events,
    `replay: npm run simulate -- --scenario ${scenario} --seed ${seed} --hosts ${hosts}${some} --step`,
  ]
  return `${lines.join('\n')}\n`
}
