import { parseArgs } from 'node:util'
import { type RunResult, runScenario } from './run.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { shrink } from './shrink.ts'

/**
 * `npm run simulate -- [--scenario NAME|all] [--seed N | --seeds A..B] [--hosts N] [--only 1,2] [--json]`.
 * Exit 1 if an invariant did not hold, 2 on wrong usage. With `--json` only what the seeds determine is
 * printed: one line a run.
 */
const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'all' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    hosts: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

function usage(message: string): never {
  process.stderr.write(`simulate: ${message}\nscenarios:\n`)
  for (const { name, shows } of scenarios) process.stderr.write(`  ${name.padEnd(26)}${shows}\n`)
  process.exit(2)
}

function seedsAsked(): readonly [number, number] {
  const [low, high] = (values.seeds ?? `${values.seed ?? 1}..${values.seed ?? 1}`)
    .split('..')
    .map(Number)
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || Number(low) > Number(high)) {
    usage('--seed takes a number, --seeds a range such as 1..2000')
  }
  return [Number(low), Number(high)]
}

function chosen(): readonly Scenario[] {
  if (values.scenario === 'all') return scenarios
  const names = values.scenario.split(',')
  const found = scenarios.filter((scenario) => names.includes(scenario.name))
  if (found.length !== names.length) usage(`there is no scenario ${values.scenario}`)
  return found
}

function publicPart({ stimuli: _stimuli, samples: _samples, ...rest }: RunResult): object {
  return rest
}

function explain(result: RunResult, scenario: Scenario): void {
  const { violation, seed, hosts } = result
  if (violation === null) return
  const kept = shrink({ scenario, seed, hosts }, result)
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  say(`invariant ${violation.invariant} broken: ${violation.host} ${violation.what}`)
  say(
    `  at ${(violation.at / 1000).toFixed(3)} s of ${scenario.name}, seed ${seed}, ${hosts} hosts`,
  )
  for (const index of kept)
    say(`  ${String(index).padStart(3)} ${JSON.stringify(result.stimuli[index])}`)
  const only = kept.length < result.stimuli.length ? ` --only ${kept.join(',') || 'none'}` : ''
  say(
    `replay: npm run simulate -- --scenario ${scenario.name} --seed ${seed} --hosts ${hosts}${only}`,
  )
}

const [low, high] = seedsAsked()
const only = values.only === undefined ? undefined : new Set(values.only.split(',').map(Number))
let violations = 0
let events = 0
let runs = 0
const startedAt = performance.now()
for (const scenario of chosen()) {
  const hosts = Number(values.hosts ?? scenario.hosts)
  if (!Number.isSafeInteger(hosts) || hosts < 2 || hosts > 10_000) usage('--hosts takes 2 to 10000')
  let slowest = 0
  for (let seed = low; seed <= high; seed++) {
    const result = runScenario({ scenario, seed, hosts, ...(only === undefined ? {} : { only }) })
    runs++
    events += result.events
    slowest = Math.max(slowest, result.agreedMs ?? 0)
    if (values.json) process.stdout.write(`${JSON.stringify(publicPart(result))}\n`)
    if (result.violation !== null) {
      violations++
      explain(result, scenario)
      break
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${scenario.name} seed ${seed} `)
  }
  if (!values.json) {
    process.stdout.write(
      `${scenario.name.padEnd(26)}agreed within ${(slowest / 1000).toFixed(1)} s\n`,
    )
  }
}
const seconds = (performance.now() - startedAt) / 1000
if (!values.json) {
  const rate = Math.round(events / seconds).toLocaleString('en')
  process.stdout.write(
    `${runs} runs, ${events} events, ${rate} a second, ${violations} violations\n`,
  )
}
process.exitCode = violations === 0 ? 0 : 1
