import { parseArgs } from 'node:util'
import { hostsMax } from '../protocol/limits.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { scenarioNamed, scenarios } from './scenarios/scenarios.ts'

/** The options of the command. */
export interface Options {
  readonly scenarios: readonly Scenario[]
  readonly low: number
  readonly high: number
  /** Numbers of hosts to run with; empty where each scenario has its own. */
  readonly sizes: readonly number[]
  readonly only: ReadonlySet<number> | undefined
  readonly json: boolean
  readonly step: boolean
  /** Where the report is written. */
  readonly report: string | undefined
}

/** The action of the command: run, or print something and leave with a code. */
export type Asked =
  | { readonly kind: 'run'; readonly options: Options }
  | { readonly kind: 'list' }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly why: string }

/** Shown for `--help`, and after what is wrong with a call. */
export const usage = `usage: npm run simulate -- [--scenario NAME,NAME|all] [--seed N | --seeds A..B]
                          [--hosts N | --sizes N,N,N] [--only N,N|none]
                          [--json] [--step] [--report FILE.html] [--list]
example: npm run simulate -- --scenario partition --hosts 100 --seed 7 --report partition.html
`

class WrongUsage extends Error {}

/** Reads the arguments after the name of the command. */
export function readArguments(args: readonly string[]): Asked {
  try {
    const values = parsed(args)
    if (values.help) return { kind: 'help' }
    if (values.list) return { kind: 'list' }
    const [low, high] = seedsOf(values.seed, values.seeds)
    const options: Options = {
      scenarios: scenariosOf(values.scenario ?? 'all'),
      low,
      high,
      sizes: sizesOf(values.hosts, values.sizes),
      only: values.only === undefined ? undefined : onlyOf(values.only),
      json: values.json ?? false,
      step: values.step ?? false,
      report: values.report,
    }
    return { kind: 'run', options }
  } catch (error) {
    // Node words its own complaints about arguments in one line and more; the first says it.
    if (!(error instanceof WrongUsage) && !isComplaint(error)) throw error
    const [why = ''] = error.message.split(/\.? To specify|\n/)
    return { kind: 'wrong', why }
  }
}

interface Values {
  readonly scenario?: string
  readonly seed?: string
  readonly seeds?: string
  readonly hosts?: string
  readonly sizes?: string
  readonly only?: string
  readonly report?: string
  readonly json?: boolean
  readonly step?: boolean
  readonly list?: boolean
  readonly help?: boolean
}

function parsed(args: readonly string[]): Values {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: text,
      seed: text,
      seeds: text,
      hosts: text,
      sizes: text,
      only: text,
      report: text,
      json: flag,
      step: flag,
      list: flag,
      help: { ...flag, short: 'h' },
    },
  })
  return values
}

function isComplaint(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('ERR_PARSE_ARGS')
}

function wholeNumber(text: string, flag: string, low: number, high: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= low && value <= high) return value
  throw new WrongUsage(`${flag} takes whole numbers from ${low} to ${high}, not '${text}'`)
}

const seedMax = 2 ** 32 - 1

function seedsOf(seed: string | undefined, seeds: string | undefined): readonly [number, number] {
  if (seed !== undefined && seeds !== undefined) {
    throw new WrongUsage('--seed and --seeds exclude each other')
  }
  if (seeds === undefined) {
    const one = wholeNumber(seed ?? '1', '--seed', 0, seedMax)
    return [one, one]
  }
  const [first = '', last, ...rest] = seeds.split('..')
  if (last === undefined || rest.length > 0) {
    throw new WrongUsage(`--seeds takes a range such as 1..2000, not '${seeds}'`)
  }
  const low = wholeNumber(first, '--seeds', 0, seedMax)
  const high = wholeNumber(last, '--seeds', 0, seedMax)
  if (low > high) throw new WrongUsage(`--seeds takes a range that goes up, not '${seeds}'`)
  return [low, high]
}

function scenariosOf(names: string): readonly Scenario[] {
  if (names === 'all') return scenarios
  return names.split(',').map((name) => {
    const found = scenarioNamed(name)
    if (found === undefined) throw new WrongUsage(`there is no scenario '${name}'; see --list`)
    return found
  })
}

function sizesOf(hosts: string | undefined, sizes: string | undefined): readonly number[] {
  if (hosts !== undefined && sizes !== undefined) {
    throw new WrongUsage('--hosts and --sizes exclude each other')
  }
  if (hosts !== undefined) return [wholeNumber(hosts, '--hosts', 2, hostsMax)]
  return sizes?.split(',').map((size) => wholeNumber(size, '--sizes', 2, hostsMax)) ?? []
}

function onlyOf(numbers: string): ReadonlySet<number> {
  if (numbers === 'none') return new Set()
  return new Set(numbers.split(',').map((text) => wholeNumber(text, '--only', 0, 1_000_000)))
}
