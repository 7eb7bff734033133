import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { lives, startTicksOf } from '../../../machine/containers/processes.ts'
import { openMachine, scriptObject, serving } from './machine.ts'

const timeout = 60_000

test('a container runs, and goes with its object', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  const { pid, id } = await on.running('web')
  await on.until('it is told of', () => on.said('web') === 'converged')
  assert.match(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), new RegExp(id))
  on.adopt({})
  await on.until('it is gone', async () => (await on.look()).length === 0)
  assert.equal(startTicksOf(pid), null)
  const { places, cgroups } = on.machine().state
  assert.deepEqual(readdirSync(places.runs), [])
  assert.deepEqual(readdirSync(places.exits), [])
  assert.deepEqual(cgroups.ids(), [])
  await on.until('no empty folder of version 1 is left', () =>
    cgroups.parents.every((parent) => cgroups.version === 2 || !existsSync(parent)),
  )
  on.adopt({ web: scriptObject(serving) })
  await on.running('web')
  assert.ok(cgroups.parents.some((parent) => existsSync(parent)))
  on.adopt({})
  await on.until('it is gone again', async () => (await on.look()).length === 0)
  const once = ['created', 'started', 'stopped', 'removed']
  await on.until('that is told', () => on.events.length === 2 * once.length)
  assert.deepEqual(
    on.events.map(({ what }) => what),
    [...once, ...once],
  )
})

test('what it wrote is there again after each start of it', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(`echo x >>/kept; cat /kept | wc -l; ${serving}`) })
  const first = await on.running('web')
  const kept = join(on.machine().state.of(first.id).upper, 'kept')
  const wrote = (text: string): boolean => existsSync(kept) && readFileSync(kept, 'utf8') === text
  await on.until('it wrote once', () => wrote('x\n'))
  process.kill(first.pid, 'SIGKILL')
  const second = await on.until('it runs again', async () => {
    const now = await on.running('web')
    return now.pid !== first.pid && now
  })
  assert.equal(second.id, first.id)
  assert.deepEqual([second.count.restarts, second.lastExit?.exitCode], [1, 137])
  await on.until('it wrote twice', () => wrote('x\nx\n'))
})

test('a new revision takes the place of the one before', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  const first = await on.running('web')
  on.adopt({ web: scriptObject(serving, { env: { A: '1' } }) })
  const second = await on.until('the next one runs', async () => {
    const now = await on.running('web')
    return now.id !== first.id && now
  })
  assert.equal(startTicksOf(first.pid), null)
  assert.deepEqual([second.count.restarts, second.lastExit], [0, null])
  on.adopt({ web: scriptObject('exit', { command: ['/bin/nothing'] }) })
  const why = 'the image has no command /bin/nothing; the previous container keeps running'
  await on.until('it is refused', () => on.said('web') === `failed: ${why}`)
  assert.equal((await on.look()).find(({ id }) => id === second.id)?.process.state, 'running')
})

test('one that does not stop in time is killed', { timeout }, async (t) => {
  const on = await openMachine(t)
  const deaf = 'trap "" TERM; echo here; while :; do sleep 0.02; done'
  on.adopt({ web: scriptObject(deaf, { stop_grace_seconds: 1 }) })
  await on.running('web')
  on.adopt({})
  await on.until('it is gone', async () => (await on.look()).length === 0)
  const stopped = on.events.find(({ what }) => what === 'stopped')
  assert.equal(stopped?.detail, 'exit code 137')
})

test('crashes are counted, and said with the last line', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject('echo no such port >&2; exit 3') })
  const why =
    'failed: crash loop: exit code 3, 2 restarts, next try in 2 s; last output: no such port'
  await on.until('it is a crash loop', () => on.said('web') === why)
  await on.restart()
  await on.until('the next agent knows as well', () => on.said('web') === why)
  on.adopt({ web: scriptObject(serving) })
  const { count } = await on.running('web')
  assert.deepEqual(count, { restarts: 0, streak: 0 })
})

test('jobs end', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({
    good: scriptObject('exit 0', { restart: 'on-failure' }),
    bad: scriptObject('echo broken; exit 4', { restart: 'never' }),
  })
  await on.until('both have ended', async () => {
    const all = await on.look()
    return (
      all.length === 2 && all.every(({ process }) => process.state === 'exited' && process.isKept)
    )
  })
  await on.until('it is said', () => {
    return on.said('bad') === 'failed: exit code 4; last output: broken; restart is never'
  })
  assert.equal(on.said('good'), 'converged')
  // What a boot of the host leaves: nothing of this boot, and no process.
  rmSync(on.machine().state.places.exits, { recursive: true })
  await on.restart()
  const ends = (await on.look()).map(({ process }) => process.state === 'exited' && process.isKept)
  assert.deepEqual(ends, [true, true])
})

test('the next agent finds everything as it was', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  const before = await on.running('web')
  await on.restart()
  await on.until('it has looked', () => on.said('web') === 'converged')
  const after = await on.running('web')
  assert.equal(after.pid, before.pid)
  assert.ok(on.events.some(({ what }) => what === 'adopted'))
  assert.equal(on.events.filter(({ what }) => what === 'started').length, 1)
})

test('an agent that was killed before it could note a process knows it all the same', {
  timeout,
}, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  const before = await on.running('web')
  await on.loop().stop()
  on.machine().state.setLife(before.id, { process: null, supervisor: null, cgroups: {} })
  await on.restart()
  await on.until('it has looked', () => on.said('web') === 'converged')
  assert.equal((await on.running('web')).pid, before.pid)
})

test('whatever somebody takes from a container, it comes back whole', {
  timeout: 120_000,
}, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  let { pid, id } = await on.running('web')
  const { state } = on.machine()
  const places = state.of(id)
  const damages: readonly (readonly [string, () => void])[] = [
    ['conmon', () => process.kill(state.life(id)?.supervisor?.pid ?? 0, 'SIGKILL')],
    ['its state in the runtime', () => rmSync(places.runtime, { recursive: true })],
    ['its bundle', () => rmSync(places.bundle, { recursive: true })],
    ['its record', () => rmSync(places.durable, { recursive: true })],
    ['what this boot knows of it', () => rmSync(places.life)],
  ]
  for (const [name, damage] of damages) {
    damage()
    on.loop().poke('a test has taken something')
    const next = await on.until(`it is whole without ${name}`, async () => {
      on.loop().poke('waiting')
      const [now] = await on.look()
      if (now?.process.state !== 'running' || now.broken !== null || !now.isPrepared) return null
      return now.process.pid !== pid && now.process.pid
    })
    assert.ok(existsSync(places.life), name)
    assert.ok(statSync(join(places.durable, 'record.json')).isFile(), name)
    const supervisor = state.life(id)?.supervisor ?? null
    assert.ok(lives(supervisor), name)
    pid = next
  }
})

test('memory that runs out is said', { timeout }, async (t) => {
  const on = await openMachine(t)
  const eating = 'x=a; while :; do x=$x$x; done'
  const members = { restart: 'never', resources: { memory_bytes: 16 * 1024 * 1024 } }
  on.adopt({ web: scriptObject(eating, members) })
  const why = 'failed: ran out of memory (resources.memory_bytes); restart is never'
  await on.until('it is said', () => on.said('web') === why)
  assert.ok(on.events.some(({ what }) => what === 'oom'))
})

test('twenty at once, and nothing is left of them', { timeout: 120_000 }, async (t) => {
  const on = await openMachine(t)
  const names = Array.from({ length: 20 }, (_, index) => `c${index}`)
  on.adopt(Object.fromEntries(names.map((name) => [name, scriptObject(serving)])))
  await on.until('all run', async () => {
    const all = await on.look()
    return all.length === 20 && all.every(({ process }) => process.state === 'running')
  })
  on.adopt({})
  await on.until('all are gone', async () => (await on.look()).length === 0)
})

test('other users enter folders made for mounts', { timeout }, async (t) => {
  const on = await openMachine(t)
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  const files = [{ path: '/made/for/it', content: 'x' }]
  const script = 'test "$(umask) $(cat /made/for/it)" = "0022 x"'
  on.adopt({ web: scriptObject(script, { user: '1000', files, restart: 'never' }) })
  const ended = await on.until('it has ended', async () => {
    const [container] = await on.look()
    return container?.lastExit ?? false
  })
  assert.equal(ended.exitCode, 0)
})
