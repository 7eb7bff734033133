import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gossipFrameBytesMax } from '../../../protocol/limits.ts'
import { connect, frameOf, introduce, startHost } from './host.ts'
import { startProxy } from './proxy.ts'

const timeout = 60_000

/** The part of a long frame that a failure needs to show. */
const brief = (text: string): string => `${text.slice(0, 8)} (${text.length})`

test('two peers exchange frames both ways, in order', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'order 1'), startHost(t, 'order 2')])
  await connect(one, other)
  const texts = Array.from({ length: 200 }, (_, index) => `${index}`.repeat(1 + (index % 40)))
  for (const text of texts) {
    assert.equal(one.overlay.send(other.peerId, frameOf(text)), true)
    assert.equal(other.overlay.send(one.peerId, frameOf(text)), true)
  }
  await one.until(() => one.frames(other.peerId).length === texts.length)
  await other.until(() => other.frames(one.peerId).length === texts.length)
  assert.deepEqual(one.frames(other.peerId), texts)
  assert.deepEqual(other.frames(one.peerId), texts)
})

test('the largest frame passes, a larger one is refused at its sender', {
  timeout,
}, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'largest 1'), startHost(t, 'largest 2')])
  await connect(one, other)
  const largest = 'x'.repeat(gossipFrameBytesMax)
  assert.equal(one.overlay.send(other.peerId, frameOf(largest)), true)
  await other.until(() => other.frames(one.peerId).length === 1)
  assert.deepEqual(other.frames(one.peerId).map(brief), [largest].map(brief))
  assert.throws(() => one.overlay.send(other.peerId, frameOf(`${largest}x`)), RangeError)
})

test('a burst larger than a socket buffer arrives whole', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'burst 1'), startHost(t, 'burst 2')])
  await connect(one, other)
  const texts = Array.from({ length: 60 }, (_, index) => `${index} `.padEnd(60_000, '.'))
  for (const text of texts) assert.equal(one.overlay.send(other.peerId, frameOf(text)), true)
  await other.until(() => other.frames(one.peerId).length === texts.length)
  assert.deepEqual(other.frames(one.peerId).map(brief), texts.map(brief))
})

test('what is told of a peer is told after the call, never inside it', { timeout }, async (t) => {
  const one = await startHost(t, 'turn')
  one.overlay.dial({ peerId: 'nobody', address: '127.0.0.1', port: 1 })
  assert.deepEqual(one.told, [])
  await one.until(() => one.count('failed', 'nobody') === 1)
  assert.deepEqual(one.told, [{ event: 'failed', peerId: 'nobody', reason: 'not admitted' }])
})

test('a dial to nobody fails once, and a dial of a peer that is up does nothing', {
  timeout,
}, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'once 1'), startHost(t, 'once 2')])
  introduce(one, other)
  const nobody = { peerId: other.peerId, address: other.address, port: 4070 }
  one.overlay.dial(nobody)
  one.overlay.dial(nobody)
  await one.until(() => one.count('failed', other.peerId) === 1)
  await connect(one, other)
  one.overlay.dial(nobody)
  other.overlay.dial(one)
  one.overlay.send(other.peerId, frameOf('last'))
  await other.until(() => other.frames(one.peerId).length === 1)
  assert.deepEqual(
    one.told.map((it) => it.event),
    ['failed', 'up'],
  )
})

test('a peer answers under another key: the dial fails', { timeout }, async (t) => {
  const [one, other, third] = await Promise.all([
    startHost(t, 'key 1'),
    startHost(t, 'key 2'),
    startHost(t, 'key 3'),
  ])
  introduce(one, other, third)
  one.overlay.dial({ peerId: third.peerId, address: other.address, port: other.port })
  await one.until(() => one.count('failed', third.peerId) === 1)
  assert.equal(one.count('up', other.peerId) + one.count('up', third.peerId), 0)
})

test('a peer whose process dies is down on the other side', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'death 1'), startHost(t, 'death 2')])
  const proxy = await startProxy(t, other)
  introduce(one, other)
  one.overlay.dial({ ...proxy, peerId: other.peerId })
  await one.until(() => one.count('up', other.peerId) === 1)
  proxy.cut()
  await one.until(() => one.count('down', other.peerId) === 1)
  await other.until(() => other.count('down', one.peerId) === 1)
  assert.equal(one.overlay.send(other.peerId, frameOf('late')), false)
  await connect(other, one)
})

test('drop writes what is queued and then disconnects', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'drop 1'), startHost(t, 'drop 2')])
  await connect(one, other)
  const texts = Array.from({ length: 8 }, (_, index) => `${index} `.padEnd(50_000, '.'))
  for (const text of texts) one.overlay.send(other.peerId, frameOf(text))
  one.overlay.drop(other.peerId)
  assert.equal(one.overlay.send(other.peerId, frameOf('late')), false)
  await one.until(() => one.count('down', other.peerId) === 1)
  await other.until(() => other.count('down', one.peerId) === 1)
  assert.deepEqual(other.frames(one.peerId).map(brief), texts.map(brief))
  await connect(one, other)
})

test('traffic counts frames with their prefixes', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'count 1'), startHost(t, 'count 2')])
  await connect(one, other)
  one.overlay.send(other.peerId, frameOf('x'.repeat(1000)))
  await other.until(() => other.frames(one.peerId).length === 1)
  const { bytesOut } = one.overlay.traffic()
  const { bytesIn } = other.overlay.traffic()
  // 1000 bytes and a prefix of two; the rest is heartbeats of one byte each.
  assert.ok(bytesOut >= 1002 && bytesOut < 1050, `${bytesOut}`)
  assert.ok(bytesIn >= 1002 && bytesIn < 1050, `${bytesIn}`)
})
