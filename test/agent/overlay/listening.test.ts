import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { createOverlay } from '../../../agent/overlay/index.ts'
import { connect, frameOf, introduce, ownAddress, startHost } from './host.ts'

const timeout = 60_000

test('a place that is not there, or taken, is false and no error', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'place 1'), startHost(t, 'place 2')])
  // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
  const nowhere = { address: '192.0.2.1', port: 4069 }
  assert.equal(await one.overlay.listen(nowhere), false)
  assert.equal(await one.overlay.listen(nowhere), false)
  assert.equal(await one.overlay.listen({ address: other.address, port: other.port }), false)
  assert.equal(await one.overlay.listen({ address: one.address, port: one.port }), true)
  await connect(other, one)
})

test('nowhere is where it listens after null', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'null 1'), startHost(t, 'null 2')])
  introduce(one, other)
  assert.equal(await one.overlay.listen(null), false)
  other.overlay.dial(one)
  await other.until(() => other.count('failed', one.peerId) === 1)
})

test('listening again at the same place changes nothing', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'same 1'), startHost(t, 'same 2')])
  await connect(other, one)
  assert.equal(await one.overlay.listen({ address: one.address, port: one.port }), true)
  other.overlay.send(one.peerId, frameOf('still'))
  await one.until(() => one.frames(other.peerId).length === 1)
  assert.deepEqual(
    one.told.map((it) => it.event),
    ['up', 'frame'],
  )
})

test('a change of place keeps the connections that were dialled', { timeout }, async (t) => {
  const [one, dialled, dialler] = await Promise.all([
    startHost(t, 'move 1'),
    startHost(t, 'move 2'),
    startHost(t, 'move 3'),
  ])
  introduce(one, dialled, dialler)
  one.overlay.dial(dialled)
  dialler.overlay.dial(one)
  await one.until(() => one.count('up', dialled.peerId) + one.count('up', dialler.peerId) === 2)
  const place = { address: ownAddress(), port: 4069 }
  assert.equal(await one.overlay.listen(place), true)
  await dialler.until(() => dialler.count('down', one.peerId) === 1)
  dialler.overlay.dial({ ...place, peerId: one.peerId })
  await dialler.until(() => dialler.count('up', one.peerId) === 2)
  dialled.overlay.send(one.peerId, frameOf('all the time'))
  await one.until(() => one.frames(dialled.peerId).length === 1)
  assert.equal(one.count('down', dialled.peerId), 0)
  dialler.overlay.drop(one.peerId)
  await dialler.until(() => dialler.count('down', one.peerId) === 2)
  dialler.overlay.dial(one)
  await dialler.until(() => dialler.count('failed', one.peerId) === 1)
})

test('IPv6 is as good', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'six 1'), startHost(t, 'six 2')])
  introduce(one, other)
  const place = { address: '::1', port: 20_000 + (process.pid % 10_000) }
  assert.equal(await one.overlay.listen(place), true)
  other.overlay.dial({ ...place, peerId: one.peerId })
  await other.until(() => other.count('up', one.peerId) === 1)
})

test('the last of several calls counts', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'last 1'), startHost(t, 'last 2')])
  introduce(one, other)
  const places = [ownAddress(), ownAddress(), ownAddress()].map((address) => ({
    address,
    port: 4069,
  }))
  await Promise.all(places.map((place) => one.overlay.listen(place)))
  const [first, , last] = places
  assert.ok(first !== undefined && last !== undefined)
  other.overlay.dial({ ...first, peerId: one.peerId })
  await other.until(() => other.count('failed', one.peerId) === 1)
  other.overlay.dial({ ...last, peerId: one.peerId })
  await other.until(() => other.count('up', one.peerId) === 1)
})

test('after stop nothing is told, nothing works, and nothing throws', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'stop 1'), startHost(t, 'stop 2')])
  await connect(one, other)
  one.overlay.send(other.peerId, frameOf('farewell'))
  await Promise.all([one.overlay.stop(), one.overlay.stop()])
  await other.until(() => other.count('down', one.peerId) === 1)
  assert.deepEqual(other.frames(one.peerId), ['farewell'])
  one.overlay.dial(other)
  one.overlay.drop(other.peerId)
  one.overlay.admit(new Set())
  assert.equal(one.overlay.send(other.peerId, frameOf('x')), false)
  assert.equal(await one.overlay.listen({ address: one.address, port: one.port }), false)
  await assert.rejects(one.overlay.request(other.peerId, frameOf('x'), AbortSignal.timeout(1000)))
  other.overlay.dial(one)
  await other.until(() => other.count('failed', one.peerId) === 1)
  assert.deepEqual(
    one.told.map((it) => it.event),
    ['up'],
  )
})

test('a seed must have 32 bytes', { timeout }, async () => {
  const events = {
    peerUp: () => {},
    peerDown: () => {},
    dialFailed: () => {},
    frame: () => {},
    flooded: () => {},
    serve: async () => new Uint8Array(),
  }
  const log = pino({ level: 'silent' })
  await assert.rejects(createOverlay({ seed: new Uint8Array(31), log, events }))
})

test('nothing holds the process after stop', { timeout }, async () => {
  // It ends by itself, or the test does by its timeout.
  const script = new URL('leave.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout })
  assert.equal(stdout, 'up\nstopped\n')
})

test('an address that goes with its link and comes again is listened on', { timeout }, async () => {
  const script = new URL('address.ts', import.meta.url).pathname
  const command = ['--net', '--', process.execPath, script]
  const { stdout } = await promisify(execFile)('unshare', command, { timeout })
  // A socket that listens outlives its address, so that nothing has to be done when that is back.
  assert.deepEqual(stdout.trim().split('\n'), [
    ...['10.5.0.1 false', 'there true', 'up', 'gone true', 'back true', 'up'],
    ...['fd00::5 false', 'there true', 'gone true', 'back true'],
  ])
})
