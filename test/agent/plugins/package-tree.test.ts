import assert from 'node:assert/strict'
import { chmod, chown, lchown, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { loadPlugins } from '../../../agent/plugins/load.ts'
import { expectRootOwnedPackage } from '../../../agent/plugins/package-tree.ts'
import { temporaryFolder } from '../../temporary.ts'

const nobody = 65_534
const own = { types: new Set(['agent']), names: new Set(['wireguard']) }

/** Code of a reconciler that imports something first. */
function body(imported: string): string {
  return `import ${JSON.stringify(imported)}
export const reconciler = {
  name: 'acme', types: { acme_thing: { safeParse: () => ({ success: true }) } },
  resolve() {}, observe() {}, judge() {}, plan() {}, apply() {}, describe() {},
}`
}

/** A package in `etc/node_modules/acme` of a folder, and what the agent makes of it. */
interface Place {
  readonly top: string
  readonly acme: string
  write(path: string, text: string): Promise<string>
  reason(): Promise<string>
}

async function place(t: TestContext, imported = './lib/part.js'): Promise<Place> {
  const top = await temporaryFolder(t)
  const folder = join(top, 'etc')
  const acme = join(folder, 'node_modules/acme')
  const write = async (path: string, text: string): Promise<string> => {
    const file = join(top, path)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, text)
    return file
  }
  const covey = { interface: 1, types: ['acme_thing'] }
  const manifest = { name: 'acme', type: 'module', exports: './index.js', covey }
  await write('etc/node_modules/acme/package.json', JSON.stringify(manifest))
  await write('etc/node_modules/acme/index.js', body(imported))
  await write('etc/node_modules/acme/lib/part.js', '')
  const reason = async (): Promise<string> => {
    const { plugins, refused } = await loadPlugins({ names: ['acme'], folder, own })
    if (plugins.length > 0) return 'loaded'
    assert.deepEqual(refused[0]?.types, ['acme_thing'])
    return refused[0]?.reason ?? ''
  }
  return { top, acme, write, reason }
}

/** Ways to leave a door open; each returns a part of the sentence that must name it. */
const doors: readonly (readonly [string, (made: Place) => Promise<string>])[] = [
  [
    'a module in a folder below',
    async ({ acme }) => {
      await chmod(join(acme, 'lib/part.js'), 0o646)
      return 'acme/lib/part.js can be written by others than root'
    },
  ],
  [
    'a folder below that everybody may write',
    async ({ acme }) => {
      await chmod(join(acme, 'lib'), 0o777)
      return 'acme/lib can be written by others than root: everybody'
    },
  ],
  [
    'a sticky folder below, where anybody may add files',
    async ({ acme }) => {
      await chmod(join(acme, 'lib'), 0o1777)
      return 'acme/lib can be written by others than root: everybody'
    },
  ],
  [
    'a folder below of another user',
    async ({ acme }) => {
      await chown(join(acme, 'lib'), nobody, 0)
      return `acme/lib can be written by others than root: it belongs to user ${nobody}`
    },
  ],
  [
    'a file that a group other than root may write',
    async ({ acme }) => {
      await chown(join(acme, 'index.js'), 0, nobody)
      await chmod(join(acme, 'index.js'), 0o664)
      return `acme/index.js can be written by others than root: group ${nobody}`
    },
  ],
  [
    'a manifest',
    async ({ acme }) => {
      await chmod(join(acme, 'package.json'), 0o666)
      return 'acme/package.json can be written'
    },
  ],
  [
    'the folder of all packages',
    async ({ acme }) => {
      await chmod(join(acme, '..'), 0o777)
      return 'etc/node_modules can be written'
    },
  ],
  [
    'a folder far above',
    async ({ top }) => {
      await chmod(top, 0o777)
      return `${top} can be written by others than root: everybody`
    },
  ],
  [
    'a link to a folder of another user',
    async ({ acme, write, top }) => {
      await write('else/part.js', '')
      await chown(join(top, 'else'), nobody, nobody)
      await rename(join(acme, 'lib'), join(acme, 'old'))
      await symlink(join(top, 'else'), join(acme, 'lib'))
      return `else can be written by others than root: it belongs to user ${nobody}`
    },
  ],
  [
    'a link whose folders another user owns on the way',
    async ({ acme, write, top }) => {
      await write('way/inner/part.js', '')
      await chown(join(top, 'way'), nobody, nobody)
      await symlink(join(top, 'way/inner/part.js'), join(acme, 'lib/more.js'))
      return `way can be written by others than root: it belongs to user ${nobody}`
    },
  ],
  [
    'a link of another user',
    async ({ acme, write }) => {
      await write('fine.js', '')
      await symlink('../../../../fine.js', join(acme, 'lib/more.js'))
      await lchown(join(acme, 'lib/more.js'), nobody, nobody)
      return `lib/more.js can be written by others than root: it belongs to user ${nobody}`
    },
  ],
  [
    'a package that lies in it',
    async ({ write }) => {
      await chmod(await write('etc/node_modules/acme/node_modules/inner/a.js', ''), 0o666)
      return 'inner/a.js can be written'
    },
  ],
  [
    'a package that a package in it names, beside it',
    async ({ write }) => {
      const inner = JSON.stringify({ name: 'inner', dependencies: { '@far/away': '1' } })
      await write('etc/node_modules/acme/node_modules/inner/package.json', inner)
      await chmod(await write('etc/node_modules/@far/away/deep/a.js', ''), 0o666)
      return '@far/away/deep/a.js can be written'
    },
  ],
]

/** Packages that no manifest names, which Node finds all the same: only the import can tell. */
const unnamed: readonly (readonly [string, string])[] = [
  ['beside it', 'etc/node_modules/phantom'],
  ['in a folder above', 'node_modules/phantom'],
]

suite('the tree of a package with a reconciler', () => {
  test('is loaded where only root can write it, by root’s group as well', async (t) => {
    const made = await place(t)
    await chmod(join(made.acme, 'lib'), 0o775)
    await symlink('nowhere', join(made.acme, 'lib/dangling'))
    await symlink('..', join(made.acme, 'lib/round'))
    assert.equal(await made.reason(), 'loaded')
  })

  for (const [name, open] of doors) {
    test(`is refused for ${name}`, async (t) => {
      const made = await place(t)
      const said = await open(made)
      const reason = await made.reason()
      assert.ok(reason.includes(said), reason)
      assert.match(reason, /\((chown -h root|chmod go-w) /)
    })
  }

  for (const [where, path] of unnamed) {
    test(`is refused for what it imports without naming it, ${where}`, async (t) => {
      const made = await place(t, 'phantom')
      const manifest = JSON.stringify({ name: 'phantom', exports: './a.js', type: 'module' })
      await made.write(`${path}/package.json`, manifest)
      const file = await made.write(`${path}/a.js`, 'globalThis.phantomRan = true')
      await chown(file, nobody, nobody)
      const reason = await made.reason()
      assert.match(reason, /phantom\/a\.js can be written by others than root/)
      assert.equal(Object(globalThis).phantomRan, undefined)
    })
  }

  test('is refused for what it requires later, in the middle of its work', async (t) => {
    const made = await place(t, './late.js')
    const code = `import { createRequire } from 'node:module'
globalThis.laterOn = () => createRequire(import.meta.url)('../other/b.cjs')`
    await made.write('etc/node_modules/acme/late.js', code)
    const file = await made.write('etc/node_modules/other/b.cjs', '')
    assert.equal(await made.reason(), 'loaded')
    await chmod(file, 0o666)
    assert.throws(() => Object(globalThis).laterOn(), { code: 'not-root-owned' })
    delete Object(globalThis).laterOn
  })

  test('is looked at within a bound', async (t) => {
    const { acme } = await place(t)
    // package.json, index.js, lib and lib/part.js.
    expectRootOwnedPackage(acme, 4)
    assert.throws(() => expectRootOwnedPackage(acme, 3), /more than 3 files/)
  })
})
