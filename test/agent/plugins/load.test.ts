import assert from 'node:assert/strict'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { loadPlugins } from '../../../agent/plugins/load.ts'

const example = join(import.meta.dirname, '../../../examples/covey-reconciler-sysctl')
const own = { types: new Set(['agent', 'wireguard_network']), names: new Set(['wireguard']) }

const body = `export const reconciler = {
  name: 'acme', types: { acme_thing: { safeParse: () => ({ success: true }) } },
  resolve() {}, observe() {}, judge() {}, plan() {}, apply() {}, describe() {},
}`
const manifest = { interface: 1, types: ['acme_thing'] }

/** A package that is not loaded: what its `covey` says, what its code is, and why it is refused. */
const cases: readonly (readonly [string, unknown, string, RegExp])[] = [
  ['no covey in its manifest', undefined, body, /no "covey"/],
  ['a later interface', { ...manifest, interface: 2 }, body, /for interface 2.*supports 1.*update/],
  ['an unknown field', { ...manifest, extra: 1 }, body, /covey: .*extra/],
  ['no types', { ...manifest, types: [] }, body, /covey\.types/],
  ['a type that is no name', { ...manifest, types: ['a b'] }, body, /covey\.types\.0/],
  ['a tool that is a path', { ...manifest, tools: { '/bin/x': 'x' } }, body, /covey\.tools/],
  [
    'a type of covey',
    { ...manifest, types: ['agent'] },
    body.replace('acme_thing', 'agent'),
    /type agent belongs/,
  ],
  [
    'other types than it declares',
    { ...manifest, types: ['acme_other'] },
    body,
    /declares.*acme_other.*acme_thing/,
  ],
  ['no export of that name', manifest, 'export const other = 1', /no export named "reconciler"/],
  ['a member that is missing', manifest, body.replace('plan() {},', ''), /has no plan/],
  [
    'the name of another',
    manifest,
    body.replace("'acme'", "'wireguard'"),
    /reconciler named wireguard already/,
  ],
  [
    'a dueAt that is none',
    manifest,
    body.replace('plan()', 'dueAt: 1, plan()'),
    /dueAt.*not a func/,
  ],
  ['an error without words', manifest, 'throw Object.create(null)', /threw no error/],
  ['no schema', manifest, body.replace(/\{ safeParse.*?\) \}/, 'null'), /no safeParse/],
  ['code that throws', manifest, 'throw new Error("boom\\nstack")', /^boom$/],
  ['code that is none', manifest, 'export const = 1', /Unexpected token/],
  [
    'code that never ends',
    manifest,
    'await new Promise(() => setInterval(() => {}, 1e6).unref())',
    /did not load within/,
  ],
]

suite('packages with reconcilers', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'covey-plugins-'))
    await mkdir(join(folder, 'node_modules'))
    await cp(example, join(folder, 'node_modules/covey-reconciler-sysctl'), { recursive: true })
    // The example brings zod as its own dependency, which npm would have put here.
    const zod = join(folder, 'node_modules/zod')
    await cp(join(example, '../../node_modules/zod'), zod, { recursive: true })
  })
  after(() => rm(folder, { recursive: true }))

  const make = async (name: string, covey: unknown, code: string): Promise<void> => {
    const place = join(folder, 'node_modules', name)
    await mkdir(place, { recursive: true })
    const content = { name, version: '1.0.0', type: 'module', exports: './index.js', covey }
    await writeFile(join(place, 'package.json'), JSON.stringify(content))
    await writeFile(join(place, 'index.js'), code)
  }

  test('the example is loaded', async () => {
    const { plugins, refused } = await loadPlugins({
      names: ['covey-reconciler-sysctl'],
      folder,
      own,
    })
    assert.deepEqual(refused, [])
    assert.deepEqual(Object.keys(plugins[0]?.reconciler.types ?? {}), ['sysctl'])
    assert.deepEqual(plugins[0]?.tools, { sysctl: 'procps' })
  })

  for (const [index, [name, covey, code, wanted]] of cases.entries()) {
    test(`refused, and the next one is loaded: ${name}`, { timeout: 30_000 }, async () => {
      const bad = `bad-${index}`
      await make(bad, covey, code)
      const names = [bad, 'covey-reconciler-sysctl']
      const { plugins, refused } = await loadPlugins({ names, folder, own })
      assert.deepEqual(
        refused.map(({ packageName }) => packageName),
        [bad],
      )
      assert.match(refused[0]?.reason ?? '', wanted)
      assert.doesNotMatch(refused[0]?.reason ?? '', /\n/)
      assert.equal(plugins.length, 1)
    })
  }

  test('refused: what is not there, is named twice, or is no name', async () => {
    const names = ['covey-absent', 'covey-reconciler-sysctl', 'covey-reconciler-sysctl', '../evil']
    const { refused } = await loadPlugins({ names, folder, own })
    const reasons = refused.map(({ reason }) => reason)
    assert.match(reasons[0] ?? '', /not in .*npm install --ignore-scripts --prefix/)
    assert.match(reasons[1] ?? '', /twice/)
    assert.match(reasons[2] ?? '', /not the name of an npm package/)
  })

  test('refused: two packages with one type', async () => {
    await make('acme-one', manifest, body)
    await make('acme-two', manifest, body.replace("'acme'", "'acme-two'"))
    const { plugins, refused } = await loadPlugins({ names: ['acme-one', 'acme-two'], folder, own })
    assert.deepEqual(
      plugins.map(({ packageName }) => packageName),
      ['acme-one'],
    )
    assert.match(refused[0]?.reason ?? '', /type acme_thing belongs to another/)
    assert.deepEqual(refused[0]?.types, ['acme_thing'])
  })

  test('refused: what others than root can write', async () => {
    await make('acme-open', manifest, body)
    await chmod(join(folder, 'node_modules/acme-open/index.js'), 0o666)
    const { refused } = await loadPlugins({ names: ['acme-open'], folder, own })
    assert.match(refused[0]?.reason ?? '', /index\.js can be written by others than root/)
  })
})
