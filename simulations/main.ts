import { writeFileSync } from 'node:fs'
import { stderr, stdin, stdout } from 'node:process'
import { createInterface } from 'node:readline/promises'
import { setImmediate } from 'node:timers/promises'
import { type Options, readArguments, usage } from './arguments.ts'
import { tellMoments } from './report/moments.ts'
import { reportPage } from './report/page.ts'
import { createProgress } from './report/progress.ts'
import { addTo, createTally, type Timed } from './report/tally.ts'
import { agreedText, publicPart, summaryText, violationText } from './report/tell.ts'
import { type RunResult, simulate } from './run.ts'
import { scenarios } from './scenarios/scenarios.ts'
import { shrink } from './shrink.ts'
import type { RunRequest } from './world/setup.ts'

/** The longest time that a run goes on before other work gets a turn, in ms of real time. */
const sliceMs = 50

async function runAll(options: Options): Promise<number> {
  const all = createTally()
  /** Runs for the report, if there is to be one. */
  const reported: Timed[] = []
  const progress = createProgress(stderr)
  process.once('SIGINT', () => {
    progress.clear()
    stdout.write(options.json ? '' : `interrupted: ${summaryText(all)}\n`)
    process.exit(130)
  })
  for (const scenario of options.scenarios) {
    for (const hosts of options.sizes.length > 0 ? options.sizes : [scenario.hosts]) {
      const own = createTally()
      for (let seed = options.low; seed <= options.high && own.broken === 0; seed++) {
        const only = options.only === undefined ? {} : { only: options.only }
        const sampled = options.report !== undefined && seed === options.low
        const request: RunRequest = { scenario, seed, hosts, sampled, ...only }
        const run = await runOne(request, options, (text) => progress.show(text))
        progress.clear()
        for (const tally of [all, own]) addTo(tally, run)
        if (options.report !== undefined) reported.push(run)
        tellRun(run.result, request, options)
      }
      if (!options.json) stdout.write(`${agreedText(own)}\n`)
    }
  }
  if (options.report !== undefined) writeFileSync(options.report, reportPage(reported))
  if (!options.json) stdout.write(`${summaryText(all)}\n`)
  return all.broken === 0 ? 0 : 1
}

async function runOne(
  request: RunRequest,
  options: Options,
  show: (text: string) => void,
): Promise<Timed> {
  const lines: string[] = []
  const tell = (line: string): void => void lines.push(line)
  const told: RunRequest = options.step
    ? { ...request, alsoWatch: (cluster, checker) => tellMoments(cluster, checker, tell) }
    : request
  const running = simulate(told)
  const before = process.cpuUsage()
  for (;;) {
    const startedAt = performance.now()
    let step = running.next()
    while (step.done !== true && lines.length === 0 && performance.now() - startedAt < sliceMs) {
      step = running.next()
    }
    await tellLines(lines.splice(0))
    // Short runs follow one another: without this a Ctrl-C would wait for the last of them.
    await setImmediate()
    if (step.done === true) {
      const { user, system } = process.cpuUsage(before)
      return { result: step.value, cpuMs: (user + system) / 1000 }
    }
    const { scenario, seed, hosts } = request
    show(`${scenario.name}, ${hosts} hosts, seed ${seed}: ${Math.round(step.value / 1000)} s`)
  }
}

/** Prints what has happened in a second; on a terminal, waits for Enter before the next one. */
async function tellLines(lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  stderr.write(`${lines.join('\n')}\n`)
  if (!stdin.isTTY || !stderr.isTTY) return
  const prompt = createInterface({ input: stdin, output: stderr })
  prompt.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  await prompt.question('')
  prompt.close()
}

function tellRun(result: RunResult, request: RunRequest, options: Options): void {
  const kept = result.violation === null ? null : shrink(request, result)
  if (options.json) stdout.write(`${JSON.stringify(publicPart(result, kept))}\n`)
  if (kept !== null) stderr.write(violationText(result, kept))
}

/**
 * `npm run simulate`. Exit 1 if an invariant did not hold, 2 on wrong usage, 130 after Ctrl-C. With
 * `--json` standard output has one line a run with what its seed determines, and nothing else.
 */
const asked = readArguments(process.argv.slice(2))
if (asked.kind === 'list') {
  for (const { name, shows } of scenarios) stdout.write(`${name.padEnd(26)}${shows}\n`)
} else if (asked.kind === 'help') stdout.write(usage)
else if (asked.kind === 'wrong') {
  stderr.write(`simulate: ${asked.why}\n${usage}`)
  process.exitCode = 2
} else process.exitCode = await runAll(asked.options)
