import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { whileHeld } from '../../../machine/containers/orders/while-held.ts'
import { openMachine, scriptObject, serving, type TestMachine } from './machine.ts'
import { type Ordering, serveOrders } from './ordering.ts'

const timeout = 60_000
const orderFile = (on: TestMachine): string => join(on.folder, 'state/containers/orders.json')

/** A machine whose objects can be ordered about. */
async function opened(
  t: Parameters<typeof openMachine>[0],
  first: Readonly<Record<string, object>>,
): Promise<{
  readonly on: TestMachine
  readonly by: Ordering
  adopt(objects: Readonly<Record<string, object>>): void
}> {
  const on = await openMachine(t)
  let objects = first
  const by = await serveOrders(t, on, () => objects)
  on.adopt(objects)
  return {
    ...{ on, by },
    adopt(next) {
      objects = next
      on.adopt(next)
    },
  }
}

/** Waits until a container is in a state, with no order to come. */
async function settled(on: TestMachine, by: Ordering, name: string, state: string): Promise<void> {
  await on.until(`${name} is ${state}`, async () => {
    const row = await by.row(name)
    return row?.state === state && row.order !== 'restart' && row.order !== 'run'
  })
}

test('a stopped container stays stopped, also for the next agent, until start', {
  timeout,
}, async (t) => {
  const { on, by } = await opened(t, { web: scriptObject(serving) })
  const first = await on.running('web')
  const { status, said } = await by.ask('POST', '/v1/containers/web/stop')
  assert.deepEqual([status, said], [200, { name: 'web', changed: true, note: null }])
  // What is answered is durable.
  assert.match(readFileSync(orderFile(on), 'utf8'), /"kind": "stop"/)
  await settled(on, by, 'web', 'stopped')
  const byHand = 'converged: stopped by hand: covey start web'
  await on.until('it is told', () => on.said('web') === byHand)
  const again = await by.ask('POST', '/v1/containers/web/stop')
  assert.deepEqual(again.said, { name: 'web', changed: false, note: 'it is stopped' })
  await on.restart()
  await on.until('the next agent tells it too', () => on.said('web') === byHand)
  assert.deepEqual(await on.loop().plan(), [])
  assert.equal((await by.row('web'))?.order, 'stop')
  const start = await by.ask('POST', '/v1/containers/web/start')
  assert.deepEqual(start.said, { name: 'web', changed: true, note: null })
  const second = await on.running('web')
  assert.equal(second.id, first.id)
  await settled(on, by, 'web', 'running')
  await on.until('that is told', () => on.said('web') === 'converged')
  const more = await by.ask('POST', '/v1/containers/web/start')
  assert.deepEqual(more.said, { name: 'web', changed: false, note: 'it runs' })
  assert.deepEqual(by.told, ['web stop', 'web start'])
  assert.deepEqual(by.hurried, [first.record?.image])
  assert.doesNotMatch(readFileSync(orderFile(on), 'utf8'), /web/)
})

test('an order that an agent was killed over is carried out by the next', {
  timeout,
}, async (t) => {
  const { on, by } = await opened(t, { web: scriptObject(serving) })
  const first = await on.running('web')
  const { orders } = on.machine()
  const { revision = '' } = first.record ?? {}
  // Between what is durable and what is done: nobody has woken the loop.
  await orders.give('web', { kind: 'restart', revision, atMs: Date.now() })
  await on.restart()
  const second = await on.until('it was restarted', async () => {
    const now = await on.running('web')
    return now.pid !== first.pid && now
  })
  await settled(on, by, 'web', 'running')
  assert.equal(second.count.streak, 0)
  // Between the end of the process and the next one.
  await by.ask('POST', '/v1/containers/web/restart')
  await on.until('it has ended', async () => {
    const [seen] = await on.look()
    return seen?.stopping != null || seen?.process.state !== 'running'
  })
  await on.restart()
  await on.until('it was restarted again', async () => {
    const now = await on.running('web')
    return now.pid !== second.pid
  })
  await settled(on, by, 'web', 'running')
})

test('a new revision runs, and what asked for the old one is forgotten', { timeout }, async (t) => {
  const { on, by, adopt } = await opened(t, { web: scriptObject(serving) })
  await on.running('web')
  await by.ask('POST', '/v1/containers/web/stop')
  await settled(on, by, 'web', 'stopped')
  // A change of the policy is no new revision.
  adopt({ web: scriptObject(serving, { restart: 'on-failure' }) })
  await sleep(300)
  assert.equal((await by.row('web'))?.state, 'stopped')
  adopt({ web: scriptObject(serving, { env: { A: '1' } }) })
  await on.running('web')
  await on.until('the order is forgotten', () => on.machine().orders.look().size === 0)
})

test('a one-shot runs once more for each start and restart', { timeout }, async (t) => {
  const once = scriptObject('echo x >>/kept; wc -l </kept', { restart: 'never' })
  const { on, by } = await opened(t, { job: once })
  const lines = async (): Promise<number> => {
    const [seen] = await on.look()
    const kept = join(on.machine().state.of(seen?.id ?? '').upper, 'kept')
    try {
      return readFileSync(kept, 'utf8').split('\n').length - 1
    } catch {
      return 0
    }
  }
  await on.until('it ran', async () => (await lines()) === 1)
  await settled(on, by, 'job', 'exited')
  const note = 'it runs once more, as its restart is never'
  for (const [index, asked] of ['start', 'restart'].entries()) {
    const { said } = await by.ask('POST', `/v1/containers/job/${asked}`)
    assert.equal(said['note'], note)
    await on.until('it ran again', async () => (await lines()) === index + 2)
    await settled(on, by, 'job', 'exited')
    await on.until('that is told', () => on.said('job') === 'converged')
  }
  await sleep(300)
  assert.equal(await lines(), 3)
})

test('a start does not wait for the time that failures have earned', { timeout }, async (t) => {
  const { on, by } = await opened(t, { web: scriptObject('exit 1') })
  const looping = (): boolean => /crash loop|next try in [2-9]/.test(on.said('web'))
  await on.until('it waits long for its next try', looping)
  const [before] = await on.look()
  await by.ask('POST', '/v1/containers/web/start')
  await on.until('it was tried', async () => {
    const [seen] = await on.look()
    return (seen?.count.restarts ?? 0) > (before?.count.restarts ?? 0) && seen?.count.streak === 0
  })
})

test('whoever holds a container has it stopped for as long as that takes', {
  timeout,
}, async (t) => {
  const { on, by } = await opened(t, { web: scriptObject(serving), other: scriptObject(serving) })
  const first = await on.running('web')
  const other = await on.running('other')
  const never = new AbortController()
  const hold = { objects: ['web'], owner: 'backup data', reason: 'it is being backed up' }
  const done = await whileHeld(on.machine(), hold, never.signal, async () => {
    assert.deepEqual((await by.row('web'))?.state, 'stopped')
    const says = 'pending: stopped for now: it is being backed up (backup data)'
    await on.until('it is told', () => on.said('web') === says)
    const start = await by.ask('POST', '/v1/containers/web/start')
    assert.deepEqual([start.status, start.said['code']], [409, 'held'])
    assert.match(
      String(start.said['detail']),
      /web is held by "backup data": it is being backed up/,
    )
    // A person's words end no work that goes on: it would find its containers running.
    const owner = encodeURIComponent(hold.owner)
    const ended = await by.ask('DELETE', `/v1/containers/web/holds/${owner}`)
    assert.deepEqual([ended.status, ended.said['changed']], [200, false])
    const forced = await by.ask('POST', '/v1/containers/web/start?release=1')
    assert.deepEqual([forced.status, forced.said['code']], [409, 'held'])
    // Nor does the work end what a person holds by the same name.
    const same = JSON.stringify({ owner: hold.owner, reason: 'somebody else' })
    assert.equal((await by.ask('POST', '/v1/containers/web/holds', same)).status, 200)
    return 'done'
  })
  assert.equal(done, 'done')
  assert.equal((await by.row('web'))?.state, 'stopped')
  const left = on
    .machine()
    .orders.look()
    .get('web')
    ?.holds.map(({ reason }) => reason)
  assert.deepEqual(left, ['somebody else'])
  await by.ask('DELETE', `/v1/containers/web/holds/${encodeURIComponent(hold.owner)}`)
  assert.notEqual((await on.running('web')).pid, first.pid)
  assert.equal((await on.running('other')).pid, other.pid)
  // An agent that is killed meanwhile takes the hold along.
  const forever = whileHeld(on.machine(), hold, never.signal, () => new Promise(() => undefined))
  forever.catch(() => undefined)
  await settled(on, by, 'web', 'stopped')
  await on.restart()
  await on.running('web')
  // One that gives up before they have stopped lets them go.
  const over = new AbortController()
  over.abort(new Error('nobody waits any more'))
  const given = whileHeld(on.machine(), hold, over.signal, async () => 'never')
  await assert.rejects(given, /nobody waits any more/)
  await settled(on, by, 'web', 'running')
})

test('a durable hold outlives the agent, and ends with its owner or by force', {
  timeout,
}, async (t) => {
  const { on, by } = await opened(t, { web: scriptObject(serving) })
  await on.running('web')
  const holds = '/v1/containers/web/holds'
  const body = JSON.stringify({ owner: 'move pgdata', reason: 'it is moving to pi' })
  assert.equal((await by.ask('POST', holds, body)).status, 200)
  await settled(on, by, 'web', 'stopped')
  await on.restart()
  await on.until('it is told', () => on.said('web').includes('it is moving to pi'))
  const start = await by.ask('POST', '/v1/containers/web/start')
  assert.match(String(start.said['hint']), /covey start --release web/)
  const wrong = await by.ask('DELETE', `${holds}/${encodeURIComponent('move other')}`)
  assert.deepEqual([wrong.said['changed'], wrong.status], [false, 200])
  await by.ask('DELETE', `${holds}/${encodeURIComponent('move pgdata')}`)
  await on.running('web')
  await by.ask('POST', holds, body)
  await settled(on, by, 'web', 'stopped')
  assert.equal((await by.ask('POST', '/v1/containers/web/start?release=1')).status, 200)
  await on.running('web')
  for (const bad of ['', '{}', '{"owner":"a\\nb","reason":"c"}', 'x'.repeat(5_000)]) {
    assert.ok([400, 413].includes((await by.ask('POST', holds, bad)).status), bad.slice(0, 20))
  }
})

test('orders are root’s, for containers that there are, and never lost silently', {
  timeout,
}, async (t) => {
  const { on, by } = await opened(t, { web: scriptObject(serving) })
  await on.running('web')
  const open = await by.ask('POST', '/v1/containers/web/stop', undefined, 'covey.sock')
  assert.deepEqual([open.status, open.said['code']], [403, 'admin-only'])
  const unknown = await by.ask('POST', '/v1/containers/nobody/stop')
  assert.deepEqual([unknown.status, unknown.said['code']], [404, 'no-such-container'])
  assert.equal(unknown.said['hint'], 'it has: web')
  assert.equal(on.machine().orders.look().size, 0)
  // A file that cannot be read stops nobody, and the next order writes it anew.
  writeFileSync(orderFile(on), '{"orders": [')
  await on.restart()
  await on.running('web')
  await by.ask('POST', '/v1/containers/web/stop')
  await settled(on, by, 'web', 'stopped')
  assert.match(readFileSync(orderFile(on), 'utf8'), /"kind": "stop"/)
})
