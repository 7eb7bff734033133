import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tracesBelow } from '../../live-folder.ts'
import { openMachine, scriptObject, serving } from './machine.ts'

test('a look leaves no trace; a round notices', { timeout: 60_000 }, async (t) => {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving) })
  const { id, pid } = await on.running('web')
  await on.loop().stop()
  const { port, state } = on.machine()
  const places = state.of(id)
  process.kill(pid, 'SIGKILL')
  // Its supervisor writes the code in two places, and ends.
  await on.until('all is said of its end', () => {
    const isSaid = [places.exit, join(places.notes, 'exit')].every(
      (path) => existsSync(path) && readFileSync(path, 'utf8') !== '',
    )
    return isSaid && !existsSync(`/proc/${state.life(id)?.supervisor?.pid}`)
  })
  const folders = [join(on.folder, 'state'), join(on.folder, 'run')]
  const before = folders.map(tracesBelow)
  const told = on.events.length
  for (let times = 0; times < 2; times++) {
    const [seen] = await port.look()
    assert.ok(seen?.process.state === 'exited' && !seen.process.isKept)
  }
  assert.deepEqual(folders.map(tracesBelow), before)
  assert.equal(on.events.length, told)
  await port.notice()
  await port.notice()
  assert.deepEqual(
    on.events.slice(told).map(({ what, detail }) => `${what} ${detail}`),
    ['exited exit code 137'],
  )
})
