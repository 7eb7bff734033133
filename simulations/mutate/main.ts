import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Copy, copyProject } from './copy.ts'
import { judge, type Outcome } from './judge.ts'
import { mutations } from './lists/mutations.ts'
import type { Catcher, Mutation } from './mutation.ts'

/**
 * `npm run mutate -- [--only NAME,…] [--list] [--json] [--keep]`: puts each mutation into a copy of
 * the project and runs what should notice it. Exit 1 if one survives, if the list is stale, or if
 * the code as it is does not pass; 2 on wrong usage. `--keep` leaves the copy of a single mutation,
 * for a look at it.
 */
const options = {
  only: { type: 'string' },
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
} as const
const values = readOptions()

/** Mutations tried at once. */
const lanesMax = 2

interface Row {
  readonly mutation: Mutation
  readonly outcome: Outcome
  readonly seconds: number
}

function readOptions() {
  try {
    return parseArgs({ options }).values
  } catch {
    return usage('usage: npm run mutate -- [--only NAME,…] [--list] [--json] [--keep]')
  }
}

function usage(message: string): never {
  process.stderr.write(`mutate: ${message}\n`)
  process.exit(2)
}

function chosen(): readonly Mutation[] {
  if (values.only === undefined) return mutations
  const names = values.only.split(',')
  const unknown = names.find((name) => !mutations.some((mutation) => mutation.name === name))
  if (unknown !== undefined) usage(`there is no mutation ${unknown}; --list names them`)
  return mutations.filter((mutation) => names.includes(mutation.name))
}

const stopped = new AbortController()
process.once('SIGINT', () => stopped.abort())
process.once('SIGTERM', () => stopped.abort())

/** Works through a list in as many lanes as there are copies. */
async function inLanes<Item, Result>(
  copies: readonly Copy[],
  items: readonly Item[],
  work: (copy: Copy, item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const waiting = items.entries()
  const lane = async (copy: Copy): Promise<void> => {
    for (const [index, item] of waiting) {
      if (stopped.signal.aborted) return
      results[index] = await work(copy, item)
    }
  }
  await Promise.all(copies.map(lane))
  return results
}

/** The catchers for the mutations, each once, with as many seeds as any of them asks for. */
function catchersOf(asked: readonly Mutation[]): readonly Catcher[] {
  const most = new Map<string, Catcher>()
  for (const { caughtBy } of asked) {
    const key = 'test' in caughtBy ? caughtBy.test : caughtBy.scenario
    const known = most.get(key)
    const isMore =
      known === undefined ||
      (!('test' in known) && !('test' in caughtBy) && caughtBy.seeds > known.seeds)
    if (isMore) most.set(key, caughtBy)
  }
  return [...most.values()]
}

/** The code as it is must pass everything, or what is seen with a mutation proves nothing. */
async function findFaultsBefore(
  copies: readonly Copy[],
  asked: readonly Mutation[],
): Promise<readonly string[]> {
  const faults = await inLanes(copies, catchersOf(asked), async (copy, catcher) => {
    const outcome = await judge(copy.folder, catcher, stopped.signal)
    const name = 'test' in catcher ? catcher.test : `scenario ${catcher.scenario}`
    if (outcome.kind === 'survived') return ''
    return `${name} fails without any mutation: ${outcome.kind === 'caught' ? outcome.seen : outcome.why}`
  })
  return faults.filter((fault) => fault !== '')
}

async function tryOne(copy: Copy, mutation: Mutation): Promise<Row> {
  const startedAt = performance.now()
  let outcome: Outcome
  try {
    const takeOut = await copy.apply(mutation)
    outcome = await judge(copy.folder, mutation.caughtBy, stopped.signal)
    if (!values.keep) await takeOut()
  } catch (error) {
    outcome = { kind: 'broken', why: error instanceof Error ? error.message : String(error) }
  }
  const row: Row = { mutation, outcome, seconds: (performance.now() - startedAt) / 1000 }
  show(row)
  return row
}

function show({ mutation, outcome, seconds }: Row): void {
  const { name, breaks, file, caughtBy } = mutation
  if (values.json) {
    const line = { name, breaks, file, caught_by: caughtBy, ...outcome, seconds }
    process.stdout.write(`${JSON.stringify(line)}\n`)
    return
  }
  const word = outcome.kind === 'caught' ? 'caught' : outcome.kind.toUpperCase()
  const after = `${seconds.toFixed(1)} s`.padStart(7)
  process.stdout.write(`${word.padEnd(9)}${name.padEnd(34)}${after}  ${breaks}\n`)
  if (outcome.kind === 'caught') {
    process.stdout.write(`         ${outcome.seen}\n         replay: ${outcome.replay}\n`)
  } else {
    const by = 'test' in caughtBy ? caughtBy.test : `scenario ${caughtBy.scenario}`
    const why = outcome.kind === 'broken' ? `: ${outcome.why}` : ''
    process.stdout.write(`         ${file}, tried with ${by}${why}\n`)
  }
}

function summarize(rows: readonly Row[], asked: number, seconds: number): number {
  const caught = rows.filter((row) => row.outcome.kind === 'caught')
  const simulated = caught.filter((row) => 'scenario' in row.mutation.caughtBy).length
  if (!values.json) {
    process.stdout.write(
      `${asked} mutations, ${caught.length} caught (${simulated} by the simulator, ` +
        `${caught.length - simulated} by tests), ${asked - caught.length} not, ${seconds.toFixed(0)} s\n`,
    )
  }
  return caught.length === asked ? 0 : 1
}

async function run(): Promise<number> {
  const startedAt = performance.now()
  const asked = chosen()
  if (values.keep && asked.length !== 1) usage('--keep takes --only with one mutation')
  const root = join(import.meta.dirname, '../..')
  const lanes = Math.min(lanesMax, asked.length)
  const copies = await Promise.all(Array.from({ length: lanes }, () => copyProject(root)))
  try {
    const faults = await findFaultsBefore(copies, asked)
    for (const fault of faults) process.stderr.write(`mutate: ${fault}\n`)
    if (faults.length > 0) return 1
    const rows = await inLanes(copies, asked, tryOne)
    return summarize(rows, asked.length, (performance.now() - startedAt) / 1000)
  } finally {
    for (const copy of copies) {
      if (values.keep) process.stderr.write(`the mutated copy is kept: ${copy.folder}\n`)
      else await copy.remove()
    }
  }
}

if (values.list) {
  for (const { name, breaks } of mutations) process.stdout.write(`${name.padEnd(34)}${breaks}\n`)
} else process.exitCode = await run()
