import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContainerDirectory } from '../../../agent/control/container-directory.ts'
import { openMachine, scriptObject, serving, type TestMachine } from './machine.ts'

const timeout = 60_000
const gone = 'its supervisor conmon is gone, and with it its output and exit code'

/** Kills conmon alone, whose container goes on; nobody is told of it by this. */
function killSupervisor(on: TestMachine, id: string): void {
  process.kill(on.machine().state.life(id)?.supervisor?.pid ?? 0, 'SIGKILL')
}

/** It writes nothing: its output has no reader any more. */
const silent = 'trap "exit 0" TERM; while :; do sleep 0.02; done'

test('a container that lost its supervisor is told of, and starts anew', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(silent) })
  const first = await on.running('web')
  await on.until('it is told of', () => on.said('web') === 'converged')
  killSupervisor(on, first.id)
  // Nothing but the loss itself brings the next round; the usual one comes after ten seconds.
  await on.until('the loss is told', () => on.events.some(({ what }) => what === 'broken'))
  const second = await on.until('it runs again', async () => {
    const now = await on.running('web')
    return now.pid !== first.pid && now
  })
  assert.equal(second.count.restarts, 1)
  await on.until('all is well', () => on.said('web') === 'converged')
  const told = on.events.filter(({ what }) => what === 'broken')
  assert.deepEqual(
    told.map(({ name, detail }) => [name, detail]),
    [['web', gone]],
  )
})

test('one that must run once only goes on, and what to do is said', { timeout }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ job: scriptObject(silent, { restart: 'never' }), web: scriptObject(serving) })
  const { id, pid } = await on.running('job')
  killSupervisor(on, id)
  const rest =
    'it keeps running to its end because restart is never; change its object to replace it'
  await on.until('it is said', () => on.said('job') === `failed: ${gone}; ${rest}`)
  const directory = createContainerDirectory({
    containers: on.machine().port,
    ...{ bundleOf: () => '', runcRoot: '', host: 'h', adopted: () => null },
  })
  const states = (await directory.rows()).map(({ name, state }) => [name, state])
  assert.deepEqual(states, [
    ['job', 'broken'],
    ['web', 'running'],
  ])
  assert.equal((await on.running('web')).count.restarts, 0)
  process.kill(pid, 'SIGKILL')
  await on.until('its end is told', () => on.said('job').startsWith('failed: exit code unknown'))
})
