import assert from 'node:assert/strict'
import { connect as connectTcp, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { Doorstep } from '../../../agent/overlay/admission/doorstep.ts'
import { Gater } from '../../../agent/overlay/admission/gater.ts'
import {
  handshakesOthers,
  handshakesPerSource,
  inboundPendingOthersMax,
  inboundPendingPerSourceMax,
  sourcesMax,
} from '../../../agent/overlay/limits.ts'
import { type Host, introduce, startHost } from './host.ts'

const timeout = 60_000

/** Opens sockets that never speak, from an address, each again when it is closed. */
function besiege(t: Pick<TestContext, 'after'>, host: Host, from: string, count: number): Socket[] {
  const sockets: Socket[] = []
  let isOver = false
  const open = (index: number): void => {
    const socket = connectTcp({ port: host.port, host: host.address, localAddress: from })
    sockets[index] = socket
    socket.on('error', () => {})
    socket.resume()
    socket.once('close', () => setTimeout(() => !isOver && open(index), 250))
  }
  for (let index = 0; index < count; index++) open(index)
  t.after(() => {
    isOver = true
    for (const socket of sockets) socket.destroy()
  })
  return sockets
}

/**
 * Dials and drops, so many times; how many of the dials were refused. One that a busy machine did
 * not get to the end of in time is none of them.
 */
async function refusals(from: Host, to: Host, count: number): Promise<number> {
  const ended = (): number => from.count('up', to.peerId) + from.count('failed', to.peerId)
  for (let round = 1; round <= count; round++) {
    from.overlay.dial(to)
    await from.until(() => ended() === round)
    const ups = from.count('up', to.peerId)
    from.overlay.drop(to.peerId)
    await from.until(() => from.count('down', to.peerId) === ups)
  }
  assert.ok(from.count('up', to.peerId) > 0)
  return from.told.filter((it) => it.event === 'failed' && !it.reason.startsWith('no answer'))
    .length
}

async function connected(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map(
      (socket) => socket.connecting && new Promise((done) => socket.once('connect', done)),
    ),
  )
}

test('P8: sockets of one address that never speak keep no other address out', {
  timeout,
}, async (t) => {
  const [host, friend] = await Promise.all([startHost(t, 'step 1'), startHost(t, 'step 2')])
  introduce(host, friend)
  await connected(besiege(t, host, '127.66.0.1', 150))
  assert.equal(await refusals(friend, host, 10), 0)
})

test('P8: sockets of many addresses keep no listed peer out', { timeout }, async (t) => {
  const [host, friend] = await Promise.all([startHost(t, 'step 3'), startHost(t, 'step 4')])
  introduce(host, friend)
  host.overlay.admit(new Set([friend.peerId]), ['127.0.0.1'])
  const sockets = Array.from({ length: 10 }, (_, index) =>
    besiege(t, host, `127.67.0.${index + 1}`, 20),
  )
  await connected(sockets.flat())
  assert.equal(await refusals(friend, host, 10), 0)
})

/** A connection from an address, as far as a gater looks at it. */
function arriving(address: string): MultiaddrConnection {
  const remoteAddr = multiaddr(`/ip4/${address}/tcp/1234`)
  return Object.assign(new EventTarget(), { remoteAddr }) as unknown as MultiaddrConnection
}

test('a handshake is over when its connection ends, and when its peer is known', () => {
  for (const how of ['ends', 'is known'] as const) {
    const hooks = new Gater(new Doorstep(() => 0)).hooks()
    const denies = (connection: MultiaddrConnection): unknown =>
      hooks.denyInboundConnection?.(connection)
    const all = Array.from({ length: inboundPendingPerSourceMax }, () => arriving('10.0.0.1'))
    for (const connection of all) assert.equal(denies(connection), false)
    assert.equal(denies(arriving('10.0.0.1')), true)
    const [first] = all
    assert.ok(first)
    if (how === 'ends') first.dispatchEvent(new Event('close'))
    else hooks.denyInboundUpgradedConnection?.('somebody' as never, first)
    assert.equal(denies(arriving('10.0.0.1')), false, how)
    assert.equal(denies(arriving('10.0.0.1')), true, how)
  }
})

test('P8: handshakes are counted by address, and end once', () => {
  const step = new Doorstep(() => 0)
  const own = Array.from({ length: inboundPendingPerSourceMax }, () => step.enter('10.0.0.1'))
  assert.ok(own.every((leave) => leave !== null))
  assert.equal(step.enter('10.0.0.1'), null)
  own[0]?.()
  own[0]?.()
  assert.notEqual(step.enter('10.0.0.1'), null)
  assert.equal(step.enter('10.0.0.1'), null)
})

test('P8: addresses that nobody listed has share a bound; those of listed peers do not', () => {
  const step = new Doorstep(() => 0)
  step.list(['10.0.0.1', 'fd00:0:0::1'])
  let entered = 0
  for (let index = 0; index < 2 * inboundPendingOthersMax; index++) {
    if (step.enter(`192.0.2.${index}`) !== null) entered++
  }
  assert.equal(entered, inboundPendingOthersMax)
  assert.notEqual(step.enter('10.0.0.1'), null)
  assert.notEqual(step.enter('fd00::1'), null)
})

test('P8: handshakes have a rate for each address, and one for all that nobody listed has', () => {
  let now = 0
  const step = new Doorstep(() => now)
  step.list(['10.0.0.1'])
  const tries = (address: (index: number) => string, count: number): number => {
    let entered = 0
    for (let index = 0; index < count; index++) {
      const leave = step.enter(address(index))
      if (leave === null) continue
      entered++
      leave()
    }
    return entered
  }
  assert.equal(
    tries(() => '10.0.0.1', 1_000),
    handshakesPerSource.burst,
  )
  assert.equal(
    tries((index) => `10.9.${index >> 8}.${index & 255}`, 1_000),
    handshakesOthers.burst,
  )
  assert.equal(
    tries(() => '10.0.0.1', 1),
    0,
  )
  now += 10_000
  assert.equal(
    tries(() => '10.0.0.1', 1_000),
    Math.min(64, 10 * handshakesPerSource.perSecond),
  )
})

test('how many addresses are remembered is bounded, and costs no listed peer its place', () => {
  let now = 0
  const step = new Doorstep(() => now)
  step.list(['10.0.0.1'])
  for (let index = 0; index < 2 * sourcesMax; index++) {
    step.enter(`10.8.${index >> 8}.${index & 255}`)?.()
    now += 10
  }
  assert.notEqual(step.enter('10.0.0.1'), null)
})
