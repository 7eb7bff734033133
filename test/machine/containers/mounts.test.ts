import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { mountPoints } from '../../../machine/containers/processes.ts'
import { afterwards } from '../../temporary.ts'
import { openMachine, scriptObject, serving, type TestMachine } from './machine.ts'

const timeout = 60_000

interface Attacked {
  readonly on: TestMachine
  /** A folder that the host grants; `sub` in it is mounted, and `file`. */
  readonly granted: string
  /** A folder beside it that the host does not grant, with a `secret`. */
  readonly outside: string
}

async function openAttacked(t: TestContext): Promise<Attacked> {
  const on = await openMachine(t, { grants: (folder) => [`path:${folder}/granted`] })
  const [granted, outside] = [join(on.folder, 'granted'), join(on.folder, 'outside')]
  for (const path of [granted, join(granted, 'sub'), outside]) mkdirSync(path)
  writeFileSync(join(outside, 'secret'), 'the host’s')
  writeFileSync(join(granted, 'file'), 'own')
  return { on, granted, outside }
}

/** Puts a link in the place of something; what was there waits beside it. */
function exchange(path: string, target: string): void {
  if (existsSync(`${path}.aside`)) return
  renameSync(path, `${path}.aside`)
  symlinkSync(target, path)
}

function restore(path: string): void {
  if (!existsSync(`${path}.aside`)) return
  rmSync(path)
  renameSync(`${path}.aside`, path)
}

/**
 * Does what a race comes to if it is won, at every attempt: something happens after a process was
 * asked for, and something when it waits to be started.
 */
function race(on: TestMachine, before: () => void, after: (id: string) => void): () => void {
  const { state } = on.machine()
  const { setLife } = state
  let isOn = true
  Object.assign(state, {
    setLife(...args: Parameters<typeof setLife>) {
      const [id, { process, boot }] = args
      setLife(...args)
      if (!isOn) return
      if (boot !== undefined) before()
      else if (process === null) return
      else if (process !== undefined) after(id)
    },
  })
  return () => {
    isOn = false
  }
}

/** Of an object's container nothing runs and nothing waits. */
async function expectNothing(on: TestMachine): Promise<void> {
  const { places, cgroups } = on.machine().state
  for (const seen of await on.look()) {
    assert.equal(seen.process.state, 'absent')
    assert.deepEqual(cgroups.processes(seen.id), [])
  }
  assert.deepEqual(existsSync(places.runcRoot) ? readdirSync(places.runcRoot) : [], [])
  assert.deepEqual(readdirSync(places.exits), [])
}

const kinds = [
  ['a folder', 'sub', ''],
  ['a file', 'file', '/secret'],
] as const
for (const [what, name, target] of kinds) {
  test(`${what} that is a link for the moment of its mount is not given away`, {
    timeout,
  }, async (t) => {
    const { on, granted, outside } = await openAttacked(t)
    const path = join(granted, name)
    const calm = race(
      on,
      () => exchange(path, `${outside}${target}`),
      () => restore(path),
    )
    const mounts = [{ host_path: path, path: '/m' }]
    on.adopt({ web: scriptObject(serving, { mounts }) })
    const got = `${outside}${target} was mounted instead of ${path}`
    const why = `failed: host_path ${path} was replaced while it was being mounted: ${got}`
    await on.until('it is refused', () => on.said('web').startsWith(why))
    assert.ok(!on.events.some((event) => event.what === 'started'))
    calm()
    await on.running('web')
  })
}

test('nor when a container starts again, nor twice in one container', { timeout }, async (t) => {
  const { on, granted, outside } = await openAttacked(t)
  const path = join(granted, 'sub')
  const mounts = [
    { host_path: path, path: '/m' },
    { host_path: granted, path: '/n' },
  ]
  on.adopt({ web: scriptObject(serving, { mounts }) })
  const { pid } = await on.running('web')
  race(
    on,
    () => exchange(path, outside),
    () => restore(path),
  )
  process.kill(pid, 'SIGKILL')
  await on.until('it is refused', () => /^failed: .* was replaced/.test(on.said('web')))
  await on.loop().stop()
  await expectNothing(on)
})

test('a link that stays is refused by where it leads', { timeout }, async (t) => {
  const { on, granted, outside } = await openAttacked(t)
  const path = join(granted, 'sub')
  race(
    on,
    () => exchange(path, outside),
    () => {},
  )
  on.adopt({ web: scriptObject(serving, { mounts: [{ host_path: path, path: '/m' }] }) })
  const why = `failed: host_path ${path}, which leads to ${outside}, is not granted on this host`
  await on.until('it is refused', () => on.said('web').startsWith(why))
  await on.loop().stop()
  await expectNothing(on)
})

test('what an agent has left waiting is looked at by the next one', { timeout }, async (t) => {
  const { on, granted, outside } = await openAttacked(t)
  const path = join(granted, 'sub')
  const { state, port } = on.machine()
  // It ends between the two: made, and not looked at.
  Object.assign(port, { start: () => Promise.reject(new Error('the agent ends')) })
  race(
    on,
    () => exchange(path, outside),
    (id) => {
      restore(path)
      state.memory(id).checkedTicks = state.life(id)?.process?.startTicks ?? null
    },
  )
  on.adopt({ web: scriptObject(serving, { mounts: [{ host_path: path, path: '/m' }] }) })
  await on.until('it waits', async () => (await on.look())[0]?.process.state === 'created')
  await on.restart()
  const why = `failed: host_path ${path} was replaced while it was being mounted`
  await on.until('it is refused', () => on.said('web').startsWith(why))
  await on.running('web')
  await on.until('it is well', () => on.said('web') === 'converged')
  const told = on.events.map(({ what }) => what)
  assert.deepEqual(told, ['created', 'created', 'started'])
})

test('what the host mounts below a granted folder comes along, but for its own', {
  timeout,
}, async (t) => {
  const { on, granted } = await openAttacked(t)
  const [disk, proc] = [join(granted, 'a disk'), join(granted, 'proc')]
  for (const path of [disk, proc]) mkdirSync(path)
  afterwards(t, async () => {
    for (const path of [disk, proc]) {
      if (mountPoints().has(path)) execFileSync('umount', [path])
    }
  })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
  writeFileSync(join(disk, 'mark'), '')
  const script = `test -e "/m/a disk/mark" && ! touch "/m/a disk/x" && ${serving}`
  const mounts = [{ host_path: granted, path: '/m', read_only: true }]
  on.adopt({ web: scriptObject(script, { mounts }) })
  const { pid } = await on.running('web')
  execFileSync('mount', ['-t', 'proc', 'proc', proc])
  process.kill(pid, 'SIGKILL')
  const why = `failed: host_path ${granted} holds a mount of proc at /m/proc, which is never`
  await on.until('it is refused', () => on.said('web').startsWith(why))
  await on.loop().stop()
  await expectNothing(on)
})

test('a link in the place of a volume is not mounted', { timeout }, async (t) => {
  const { on, outside } = await openAttacked(t)
  const { places } = on.machine().state
  const path = join(places.volumes, 'data')
  symlinkSync(outside, path)
  const objects = {
    data: { type: 'volume' },
    web: scriptObject(serving, { mounts: [{ volume: 'data', path: '/m' }] }),
  }
  on.adopt(objects)
  const why = `failed: the volume data: ${path} is a symbolic link`
  await on.until('it is refused', () => on.said('web').startsWith(why))
  rmSync(path)
  const { pid } = await on.running('web')
  await on.until('it is well', () => on.said('web') === 'converged')
  race(
    on,
    () => exchange(path, outside),
    () => {},
  )
  process.kill(pid, 'SIGKILL')
  await on.until('it is refused again', () => on.said('web').startsWith(why))
  await on.loop().stop()
  await expectNothing(on)
})

const ledAway: readonly (readonly [string, object, RegExp])[] = [
  [
    'a volume',
    { mounts: [{ volume: 'data', path: '/slash/sys/kernel' }] },
    /\/slash\/sys\/kernel leads to \/sys\/kernel by a link/,
  ],
  [
    'a file',
    { files: [{ path: '/slash/.covey/busybox', content: 'x' }] },
    /\/\.covey\/busybox by a link in the container: nothing can be mounted below \/\.covey/,
  ],
  [
    'memory',
    { tmpfs: ['/slash/.covey/env'] },
    /\/slash\/\.covey\/env leads to \/\.covey\/env by a link/,
  ],
]
for (const [what, members, reason] of ledAway) {
  test(`links of an image lead ${what} to no place that is closed`, { timeout }, async (t) => {
    const { on } = await openAttacked(t)
    symlinkSync('/', join(on.folder, 'layer/slash'))
    on.adopt({ data: { type: 'volume' }, web: scriptObject(serving, members) })
    await on.until('it is refused', () => reason.test(on.said('web')))
    await on.loop().stop()
    await expectNothing(on)
  })
}

test('links of an image lead mounts wherever else they want', { timeout }, async (t) => {
  const { on } = await openAttacked(t)
  const layer = join(on.folder, 'layer')
  symlinkSync('run', join(layer, 'via'))
  mkdirSync(join(layer, 'run'))
  const members = {
    mounts: [
      { volume: 'data', path: '/via/data' },
      { volume: 'data', path: '/run/same', read_only: true },
    ],
    tmpfs: ['/via/memory'],
    files: [{ path: '/via/file', content: 'x' }],
    read_only_root: true,
  }
  const script = `touch /run/data/x /run/memory/x && cat /run/same/x /run/file && ${serving}`
  on.adopt({ data: { type: 'volume' }, web: scriptObject(script, members) })
  await on.running('web')
})
