import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { pokeGapMs, settleMs } from '../../../reconcilers/limits.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { settle } from '../fake/clock.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import { configOf, containerObject, imageReference } from '../runc/looks.ts'
import { type Driven, drive } from './driver.ts'

function driveContainers(): Driven {
  const host = createFakeHost()
  host.images.states.set(imageReference, readyImage())
  return drive({ reconcilers: [containerNetwork, runc] }, host)
}

describe('what the loop tells of steps that go on by themselves', () => {
  it('is that a container starts, and not yet that it is well', async () => {
    const driven = driveContainers()
    const web = containerObject({ health: { tcp: { port: 80 } } })
    driven.adopt(configOf({ web }), 'h')
    await settle()
    assert.equal(driven.reports.length, 1)
    const waits = 'pending: starting: its health check has not passed yet'
    assert.ok(driven.states().includes(`web: ${waits}`), driven.states().join('\n'))
    await driven.loop.stop()
  })

  it('is that a container waits for the one before it to end', async () => {
    const driven = driveContainers()
    const web = containerObject()
    driven.adopt(configOf({ web }), 'h')
    await driven.host.clock.advance(settleMs)
    assert.ok(driven.states().includes('web: converged'), driven.states().join('\n'))
    const { all, stubborn } = driven.host.containers
    for (const id of all.keys()) stubborn.add(id)
    driven.adopt(configOf({ web: { ...web, env: { A: '1' } } }), 'h')
    await settle()
    assert.deepEqual(driven.reports.at(-1)?.head.version, 2)
    assert.match(driven.states().join('\n'), /^web: pending: waiting for process \d+ to stop$/m)
    await driven.loop.stop()
  })

  it('is no moment of health at each attempt to start what ends by itself', async () => {
    const driven = driveContainers()
    driven.adopt(configOf({ web: containerObject() }), 'h')
    await driven.host.clock.advance(settleMs)
    const { containers } = driven.host
    const [id = ''] = containers.all.keys()
    containers.exit(id, 3)
    const before = driven.reports.length
    driven.loop.poke('it ended')
    await driven.host.clock.advance(pokeGapMs)
    assert.equal(containers.all.get(id)?.process.state, 'running')
    const told = driven.reports.slice(before).map(({ objects }) => objects.at(-1)?.state)
    assert.deepEqual(told, ['pending'])
    await driven.loop.stop()
  })
})
