import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readArguments } from '../../simulations/arguments.ts'
import { scenarios } from '../../simulations/scenarios/scenarios.ts'

const main = join(import.meta.dirname, '../../simulations/main.ts')

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function simulate(...args: readonly string[]): Ran {
  const ran = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { code: ran.status, out: ran.stdout, err: ran.stderr }
}

describe('arguments of the simulator', () => {
  const wrong: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['--bogus'], /^Unknown option '--bogus'$/],
    [['extra'], /extra/],
    [['--seed'], /--seed/],
    [['--seed', 'x'], /^--seed takes whole numbers from 0 to 4294967295, not 'x'$/],
    [['--seed', '1', '--seeds', '1..2'], /exclude each other/],
    [['--seeds', '5'], /^--seeds takes a range such as 1\.\.2000, not '5'$/],
    [['--seeds', '5..1'], /goes up/],
    [['--seeds', '1..2..3'], /range/],
    [['--scenario', 'nothing'], /^there is no scenario 'nothing'; see --list$/],
    [['--hosts', '1'], /from 2 to 10000/],
    [['--hosts', '4', '--sizes', '4,5'], /exclude each other/],
    [['--only', '1,,2'], /--only/],
  ]
  for (const [args, why] of wrong) {
    it(`refuse ${args.join(' ')} in one line`, () => {
      const asked = readArguments(args)
      assert.equal(asked.kind, 'wrong')
      assert.match(asked.why, why)
      assert.ok(!asked.why.includes('\n'))
    })
  }

  it('take ranges with both ends, sizes, and no stimuli at all', () => {
    const asked = readArguments(['--seeds', '3..9', '--sizes', '4,8', '--only', 'none'])
    assert.equal(asked.kind, 'run')
    const { low, high, sizes, only } = asked.options
    assert.deepEqual([low, high, sizes, only], [3, 9, [4, 8], new Set()])
  })
})

describe('the simulator as a command', () => {
  it('answers wrong usage with exit 2, the usage, and no stack', () => {
    const { code, out, err } = simulate('--bogus')
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /^simulate: Unknown option '--bogus'\nusage: npm run simulate/)
    assert.ok(!err.includes('    at '))
  })

  it('lists every scenario with its sentence', () => {
    const { code, out } = simulate('--list')
    assert.equal(code, 0)
    for (const { name, shows } of scenarios) assert.ok(out.includes(shows), name)
  })

  it('is documented with every scenario and its sentence', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/SIMULATION.md'), 'utf8')
    for (const { name, shows } of scenarios)
      assert.ok(page.includes(`| \`${name}\` | ${shows} |`), name)
  })

  it('prints a line for people and a summary, and one JSON line a run for machines', () => {
    const people = simulate('--scenario', 'stolen-key', '--seeds', '1..2')
    assert.equal(people.code, 0, people.err)
    assert.match(
      people.out,
      /^stolen-key +6 hosts +2 seeds +agreed within [\d.]+ s .*\n2 runs, .* a second of processor time: no violation\n$/,
    )
    assert.equal(people.err, '')
    const machines = simulate('--scenario', 'stolen-key', '--seeds', '1..2', '--json')
    const lines = machines.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ seed, violation, coverage }) => [seed, violation, coverage['stimulus forge']]),
      [
        [1, null, 24],
        [2, null, 24],
      ],
    )
  })

  it('tells step by step what happens', () => {
    const { err } = simulate('--scenario', 'root-fork', '--step')
    assert.match(err, /s {2}h00000 {2}starts\n/)
    assert.match(err, /alarm root-fork: two root documents 2 exist/)
    assert.match(err, /alarm root-fork is over/)
  })

  it('writes a report that needs no other file and no script', () => {
    const folder = mkdtempSync(join(tmpdir(), 'covey-report-'))
    try {
      const path = join(folder, 'report.html')
      const { code } = simulate('--scenario', 'scale', '--sizes', '6,12', '--report', path)
      assert.equal(code, 0)
      const page = readFileSync(path, 'utf8')
      assert.ok((page.match(/<svg /g)?.length ?? 0) >= 16)
      assert.doesNotMatch(page, /<script|<link|src=|https?:|NaN|undefined/)
      assert.match(page, /what grows with the number of hosts/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('ends on an interrupt with what it has so far', async () => {
    const child = spawn(process.execPath, [
      main,
      '--scenario',
      'stolen-key',
      '--seeds',
      '1..100000',
      '--json',
    ])
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 130)
  })
})
