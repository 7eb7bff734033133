import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { connect, frameOf, type Host, introduce, startHost } from './host.ts'
import { startProxy } from './proxy.ts'

const timeout = 120_000

/** Both are up, once, and know of exactly one connection between them. */
async function settled(one: Host, other: Host): Promise<void> {
  await one.until(() => one.count('up', other.peerId) === 1)
  await other.until(() => other.count('up', one.peerId) === 1)
}

test('T6: two peers that dial at once end up with one connection', { timeout }, async (t) => {
  for (let round = 0; round < 50; round += 1) {
    const [one, other] = await Promise.all([
      startHost(t, `race ${round} 1`),
      startHost(t, `race ${round} 2`),
    ])
    const [toOne, toOther] = await Promise.all([startProxy(t, one), startProxy(t, other)])
    introduce(one, other)
    one.overlay.dial({ ...toOther, peerId: other.peerId })
    for (let turns = round % 10; turns > 0; turns -= 1) await turn()
    other.overlay.dial({ ...toOne, peerId: one.peerId })
    await settled(one, other)
    assert.equal(one.overlay.send(other.peerId, frameOf('ping')), true)
    assert.equal(other.overlay.send(one.peerId, frameOf('pong')), true)
    await one.until(() => one.frames(other.peerId).length === 1)
    await other.until(() => other.frames(one.peerId).length === 1)
    const open = (): number => toOne.open + toOther.open
    while (open() !== 1) await Promise.race([toOne.changed(), toOther.changed()])
    assert.deepEqual(
      [...one.told, ...other.told].map((it) => it.event),
      ['up', 'frame', 'up', 'frame'],
      `round ${round}`,
    )
    await Promise.all([one.overlay.stop(), other.overlay.stop()])
  }
})

test('a peer that lost the connection unseen may dial again', { timeout }, async (t) => {
  const names = ['again 1', 'again 2']
  for (const [dialler, acceptor] of [names, names.toReversed()]) {
    const [one, other] = await Promise.all([
      startHost(t, String(dialler)),
      startHost(t, String(acceptor)),
    ])
    const proxy = await startProxy(t, other)
    introduce(one, other)
    one.overlay.dial({ ...proxy, peerId: other.peerId })
    await settled(one, other)
    proxy.freeze()
    // One side gives up; the other cannot hear of it and still counts the peer as up.
    one.overlay.drop(other.peerId)
    await one.until(() => one.count('down', other.peerId) === 1)
    assert.equal(other.count('down', one.peerId), 0)
    one.overlay.dial(other)
    await one.until(() => one.count('up', other.peerId) === 2)
    await other.until(() => other.count('up', one.peerId) === 2)
    one.overlay.send(other.peerId, frameOf('back'))
    await other.until(() => other.frames(one.peerId).length === 1)
    assert.deepEqual(
      other.told.map((it) => it.event),
      ['up', 'down', 'up', 'frame'],
    )
    await Promise.all([one.overlay.stop(), other.overlay.stop()])
  }
})

test('25 peers on one loopback address all connect to one at once', { timeout }, async (t) => {
  const hub = await startHost(t, 'hub')
  const names = Array.from({ length: 24 }, (_, index) => `spoke ${index}`)
  const spokes = await Promise.all(names.map((name) => startHost(t, name)))
  introduce(hub, ...spokes)
  for (const spoke of spokes) {
    spoke.overlay.dial(hub)
    hub.overlay.dial(spoke)
  }
  await hub.until(() => spokes.every((spoke) => hub.count('up', spoke.peerId) === 1))
  for (const spoke of spokes) await spoke.until(() => spoke.count('up', hub.peerId) === 1)
  const wrong = [hub, ...spokes].flatMap((host) => host.told).filter((it) => it.event !== 'up')
  assert.deepEqual(wrong, [])
})

test('a connection is up again after each of many drops', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'drops 1'), startHost(t, 'drops 2')])
  for (let round = 1; round <= 20; round += 1) {
    await connect(one, other)
    const dropper = round % 2 === 0 ? one : other
    dropper.overlay.drop(dropper === one ? other.peerId : one.peerId)
    await one.until(() => one.count('down', other.peerId) === round)
    await other.until(() => other.count('down', one.peerId) === round)
  }
})
