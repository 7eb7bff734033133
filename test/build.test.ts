import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { must, plainEnv, run } from './lab/processes.ts'

const root = join(import.meta.dirname, '..')

/** Names of the files that a bundle's entry loads before it does anything. */
function loadedAtStart(folder: string, entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen
  seen.add(entry)
  const text = readFileSync(join(folder, entry), 'utf8')
  for (const [, name = ''] of text.matchAll(/\b(?:from|import) ?"\.\/([^"]+)"/g)) {
    loadedAtStart(folder, name, seen)
  }
  return seen
}

/** The project by which an author of a reconciler would check it. */
const authorsProject = {
  compilerOptions: {
    ...{ module: 'nodenext', target: 'es2024', strict: true, noEmit: true, types: [] },
    ...{ allowJs: true, checkJs: true, noImplicitAny: false },
  },
  files: ['index.js', 'typed.ts'],
}

/** The example as an author in TypeScript would say it; what a package does not get is a fault. */
const typedExample = `import type { CommonPorts, PlanStep, PluginReconciler } from 'covey/reconciler'
import { contractSuite, createFakeHost } from 'covey/testing'
import { reconciler } from './index.js'

interface SysctlStep extends PlanStep {
  readonly key: string
  readonly value: string
  readonly before: string | null
}

export const checked: PluginReconciler<unknown, unknown, SysctlStep> = reconciler
export const suite: typeof contractSuite = contractSuite
export const fake: CommonPorts = createFakeHost().ports
// @ts-expect-error: private keys are covey's own
export const keys = (host: CommonPorts): unknown => host.keys
`

describe('the bundle', () => {
  let folder: string
  let built: string
  let packed: string
  const env = { ...plainEnv, PATH: `${dirname(process.execPath)}:${plainEnv['PATH']}` }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'covey-build-'))
    built = join(folder, 'dist')
    await must(process.execPath, [join(root, 'build.ts'), built])
    const packing = ['pack', join(built, 'package'), '--json', '--pack-destination', folder]
    const [{ filename }] = JSON.parse(await must('npm', packing, { env: { ...env, HOME: folder } }))
    packed = join(folder, filename)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('runs without the sources', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const operator = join(built, 'package/dist/operator.js')
    assert.equal(await must(process.execPath, [operator, '--version']), `${version}\n`)
    assert.match(await must(process.execPath, [operator, '--help']), /^Usage: covey /)
  })

  it('keeps libp2p out of what the operator loads, and out of what `identity` loads', () => {
    const withLibp2p = readdirSync(built).filter(
      (name) => name.endsWith('.js') && readFileSync(join(built, name), 'utf8').includes('/yamux/'),
    )
    assert.notDeepEqual(withLibp2p, [])
    for (const entry of ['operator.js', 'agent.js']) {
      const loaded = loadedAtStart(built, entry)
      assert.ok(loaded.size > 1, `${entry} loads nothing: the bundle looks different by now`)
      assert.ok(!withLibp2p.some((name) => loaded.has(name)), `${entry} loads ${withLibp2p}`)
    }
  })

  it('is a package that needs nothing but Node', async () => {
    const prefix = join(folder, 'prefix')
    await must('npm', ['install', '--global', '--offline', '--prefix', prefix, packed], {
      env: { ...env, HOME: folder },
    })
    const installed = join(prefix, 'lib/node_modules/covey')
    for (const unit of ['covey.service', 'covey-guard.service']) {
      assert.ok(existsSync(join(installed, unit)), unit)
    }
    assert.ok(!existsSync(join(installed, 'node_modules')), 'it has brought other packages')
    const covey = join(prefix, 'bin/covey')
    const state = ['--state-dir', join(folder, 'state')]
    const card = await must(covey, ['identity', '--host', 'cloud01', '--json', ...state], { env })
    assert.match(JSON.parse(card).peer_id, /^12D3Koo/)
    const { exitCode, stderr } = await run(covey, ['no-such-command'], { env })
    assert.equal(exitCode, 2)
    assert.match(stderr, /no-such-command/)
  })

  it('brings types that the example checks against, and that give no private keys', async () => {
    const name = 'covey-reconciler-sysctl'
    const place = join(folder, name)
    cpSync(join(root, 'examples', name), place, { recursive: true })
    const covey = join(place, 'node_modules/covey')
    mkdirSync(covey, { recursive: true })
    await must('tar', ['-xzf', packed, '--strip-components=1', '-C', covey])
    symlinkSync(join(root, 'node_modules/zod'), join(place, 'node_modules/zod'))
    writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(authorsProject))
    writeFileSync(join(place, 'typed.ts'), typedExample)
    await must(join(root, 'node_modules/.bin/tsc'), ['-p', join(place, 'tsconfig.json')], { env })
  })
})
