import { type CommandEnd, runNode } from './command.ts'
import type { Catcher } from './mutation.ts'

/** The outcome of a mutation, or of the code as it is. */
export type Outcome =
  | {
      readonly kind: 'caught'
      /** The evidence: the invariant and the way it was broken, or the test that failed. */
      readonly seen: string
      readonly invariant: number | null
      /** Shows it again, in a tree with the mutation. */
      readonly replay: string
    }
  | { readonly kind: 'survived' }
  /** Neither: the command could not be run, hung, or fell over without a finding. */
  | { readonly kind: 'broken'; readonly why: string }

/** Runs what should catch a mutation in a copy of the project. */
export async function judge(folder: string, catcher: Catcher, stop: AbortSignal): Promise<Outcome> {
  return 'test' in catcher
    ? await runTest(folder, catcher.test, stop)
    : await simulate(folder, catcher.scenario, catcher.seeds, stop)
}

/** The part of the simulator's line about one run that is looked at here. */
interface RunLine {
  readonly seed: number
  readonly violation: {
    readonly invariant: number
    readonly host: string
    readonly what: string
  } | null
}

async function simulate(
  folder: string,
  scenario: string,
  seeds: number,
  stop: AbortSignal,
): Promise<Outcome> {
  const first = await firstViolation(folder, scenario, `1..${seeds}`, stop)
  if (first.line === null) return ended(first.end)
  const { seed, violation } = JSON.parse(first.line) as RunLine
  if (violation === null) return { kind: 'broken', why: `no violation in: ${first.line}` }
  // A seed is worth something only if it shows the same again, in another process.
  const again = await firstViolation(folder, scenario, `${seed}..${seed}`, stop)
  if (again.line !== first.line) {
    return { kind: 'broken', why: `seed ${seed} of ${scenario} does not show the same again` }
  }
  const { invariant, host, what } = violation
  return {
    kind: 'caught',
    invariant,
    seen: `invariant ${invariant}: ${host} ${what}`,
    replay: `npm run simulate -- --scenario ${scenario} --seed ${seed}`,
  }
}

async function firstViolation(
  folder: string,
  scenario: string,
  seeds: string,
  stop: AbortSignal,
): Promise<{ readonly line: string | null; readonly end: CommandEnd }> {
  const args = ['simulations/main.ts', '--scenario', scenario, '--seeds', seeds, '--json']
  let found: string | null = null
  const end = await runNode(folder, args, stop, (line) => {
    if (found === null && (JSON.parse(line) as RunLine).violation !== null) found = line
    return found !== null
  })
  return { line: found, end }
}

async function runTest(folder: string, test: string, stop: AbortSignal): Promise<Outcome> {
  let failed: string | null = null
  const args = ['--test', '--test-reporter=tap', test]
  const end = await runNode(folder, args, stop, (line) => {
    const name = /^\s*not ok \d+ - (.*)$/.exec(line)?.[1]
    // A file that cannot even be loaded fails under its own name, which proves nothing.
    if (name !== undefined && !name.endsWith('.test.ts')) failed ??= name
    // It goes on to its end, so that it removes what it has made.
    return false
  })
  if (failed === null) return ended(end)
  return {
    kind: 'caught',
    invariant: null,
    seen: failed,
    replay: `npm test -- ${test}`,
  }
}

function ended({ exitCode, tookTooLong, lastWords }: CommandEnd): Outcome {
  if (exitCode === 0) return { kind: 'survived' }
  const why = tookTooLong ? 'did not end in time' : `ended with ${exitCode}: ${lastWords}`
  return { kind: 'broken', why }
}
