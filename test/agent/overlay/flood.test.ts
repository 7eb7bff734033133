import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type MessageStream, StreamMessageEvent } from '@libp2p/interface'
import { encode } from 'it-length-prefixed'
import { Meters } from '../../../agent/overlay/admission/meters.ts'
import { FrameCounter, MuxerMeter } from '../../../agent/overlay/admission/muxer-meter.ts'
import {
  gossipBytes,
  gossipFrames,
  muxerFrames,
  streamCost,
  streamWindowBytesMax,
} from '../../../agent/overlay/limits.ts'
import { gossipFrameBytesMax } from '../../../protocol/limits.ts'
import { connect, frameOf, startHost } from './host.ts'
import { speak, startStranger } from './stranger.ts'

const timeout = 60_000

/** A frame of Yamux with nothing in it. */
function yamux(type: number, flags: number, stream: number, length = 0): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt8(type, 1)
  head.writeUInt16BE(flags, 2)
  head.writeUInt32BE(stream, 4)
  head.writeUInt32BE(length, 8)
  return head
}

const ping = yamux(2, 1, 0, 7)

test('P7: frames above the rate are read later, and cost no other peer anything', {
  timeout,
}, async (t) => {
  const host = await startHost(t, 'flood 1')
  const { node } = await startStranger(t, 'flood 2')
  const peerId = node.peerId.toString()
  const stream = await speak(host, node)
  const many = 20 * gossipFrames.burst
  stream.send(Buffer.concat(Array.from({ length: many }, () => Uint8Array.of(1, 0x61))))
  await host.until(() => host.frames(peerId).length >= gossipFrames.burst)
  const friend = await startHost(t, 'flood 3')
  host.overlay.admit(new Set([peerId, friend.peerId]))
  friend.overlay.admit(new Set([host.peerId]))
  while (friend.count('up', host.peerId) === 0) {
    const failed = friend.count('failed', host.peerId)
    friend.overlay.dial(host)
    await friend.until(
      () => friend.count('up', host.peerId) + friend.count('failed', host.peerId) > failed,
    )
  }
  friend.overlay.send(host.peerId, frameOf('hello'))
  await host.until(() => host.frames(friend.peerId).length === 1)
  const read = host.frames(peerId).length
  assert.ok(read < many, `${read} frames were read at once`)
  assert.equal(host.count('down', peerId), 0, 'and nobody is dropped for being fast')
})

test('P7: a burst beyond the rate arrives whole, and the connection stays', {
  timeout,
}, async (t) => {
  const host = await startHost(t, 'burst 1')
  const { node } = await startStranger(t, 'burst 2')
  const peerId = node.peerId.toString()
  const stream = await speak(host, node)
  // More than silence of a peer would be borne, were its frames not waiting here.
  const many = gossipFrames.burst + 7 * gossipFrames.perSecond
  stream.send(Buffer.concat(Array.from({ length: many }, () => Uint8Array.of(1, 0x61))))
  await host.until(() => host.frames(peerId).length === many || host.count('down', peerId) > 0)
  assert.equal(host.frames(peerId).length, many)
  assert.equal(host.count('down', peerId), 0)
})

test('P7: no more is taken from a peer above its rate than its window', { timeout }, async (t) => {
  const host = await startHost(t, 'window 1')
  const { node } = await startStranger(t, 'window 2')
  const stream = await speak(host, node)
  // Frames of the largest size: the burst is over after few of them.
  const frame = encode.single(new Uint8Array(gossipFrameBytesMax)).subarray()
  const startedMs = performance.now()
  const windows = 4 * streamWindowBytesMax
  const bytesMax = (): number => {
    const seconds = (performance.now() - startedMs) / 1_000
    return gossipBytes.burst + seconds * gossipBytes.perSecond + windows
  }
  let taken = 0
  const isDone = (): boolean => host.frames(node.peerId.toString()).length * frame.length > enough
  const enough = gossipBytes.burst + 1024 * 1024
  while (!isDone() && stream.status === 'open') {
    if (stream.send(frame)) taken += frame.length
    else await once(stream, 'drain')
    const most = bytesMax()
    assert.ok(taken <= most, `took ${taken} bytes, and ${most} are the most`)
  }
  assert.ok(isDone(), 'and what is held back is read in its turn')
})

/** The encrypted connection to a host, below the muxer, of a stranger that is admitted. */
async function rawOf(
  t: Parameters<typeof startHost>[0],
  host: Awaited<ReturnType<typeof startHost>>,
  name: string,
): Promise<{ readonly peerId: string; readonly raw: MessageStream }> {
  const { node, raw } = await startStranger(t, name)
  await speak(host, node)
  return { peerId: node.peerId.toString(), raw: raw() }
}

test('P7: streams that are opened and reset in one piece cost the peer its connection', {
  timeout,
}, async (t) => {
  const host = await startHost(t, 'streams 1')
  const { peerId, raw } = await rawOf(t, host, 'streams 2')
  const pairs = Math.ceil(muxerFrames.burst / streamCost) + 1
  const frames = Array.from({ length: pairs }, (_, index) => [
    yamux(1, 1, 1_001 + 2 * index),
    yamux(1, 8, 1_001 + 2 * index),
  ])
  raw.send(Buffer.concat(frames.flat()))
  await host.until(() => host.count('down', peerId) === 1)
  assert.equal(host.count('flooded', peerId), 1)
  const friend = await startHost(t, 'streams 3')
  await connect(friend, host)
})

test('P7: a flood of the muxer’s own frames is read at its rate', { timeout }, async (t) => {
  const host = await startHost(t, 'pings 1')
  const { peerId, raw } = await rawOf(t, host, 'pings 2')
  let answered = 0
  raw.addEventListener('message', (event) => {
    answered += Math.floor(event.data.byteLength / ping.byteLength)
  })
  const many = 20 * muxerFrames.burst
  for (let sent = 0; sent < many; sent += 2_000) {
    raw.send(Buffer.concat(Array.from({ length: 2_000 }, () => ping)))
  }
  await host.until(() => host.count('down', peerId) === 1 || answered > 0)
  const friend = await startHost(t, 'pings 3')
  await connect(friend, host)
  friend.overlay.send(host.peerId, frameOf('hello'))
  await host.until(() => host.frames(friend.peerId).length === 1)
  assert.ok(answered < many, `${answered} pings were answered at once`)
})

test('P7: a connection that ends while it is held ends nothing else', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const asked: string[] = []
  const fake = Object.assign(new EventTarget(), {
    pause: () => void asked.push('pause'),
    resume() {
      asked.push('resume')
      throw new Error('Cannot resume a stream that is closing/closed')
    },
    abort: () => void asked.push('abort'),
  }) as unknown as MessageStream
  const meter = new MuxerMeter(new Meters(() => 0), () => assert.fail('no flood'))
  const secured = async (): Promise<never> =>
    ({ connection: fake, remotePeer: { toString: () => 'one' } }) as never
  const encrypter = { protocol: 'x', secureInbound: secured, secureOutbound: secured }
  await meter
    .encrypter(() => encrypter)({})
    .secureInbound(fake)
  const factory = { protocol: 'y', createStreamMuxer: () => ({}) as never }
  meter
    .muxer(() => factory)({})
    .createStreamMuxer(fake)
  const many = Buffer.concat(Array.from({ length: muxerFrames.burst }, () => ping))
  for (const data of [many, many]) fake.dispatchEvent(new StreamMessageEvent(data))
  t.mock.timers.tick(60_000)
  assert.deepEqual(asked, ['pause', 'resume'])
})

test('P7: frames of the muxer are counted wherever the pieces end', () => {
  const data = Buffer.concat([yamux(0, 0, 1, 500), Buffer.alloc(500, 0xff)])
  const bytes = Buffer.concat([ping, data, yamux(1, 1, 3), data, yamux(1, 8, 3)])
  for (const size of [1, 5, 12, 13, 511, 512, 10_000]) {
    const counter = new FrameCounter()
    let cost = 0
    for (let at = 0; at < bytes.length; at += size) {
      cost += counter.costOf(bytes.subarray(at, at + size))
    }
    assert.equal(cost, streamCost + 4, `pieces of ${size}`)
  }
})

test('P7: what a peer has used up outlives its connection, and is its own', () => {
  let now = 0
  const meters = new Meters(() => now)
  for (let count = 0; count < gossipFrames.burst; count++) {
    assert.equal(meters.frame('one', 10), 0)
  }
  assert.ok(meters.frame('one', 10) > 0)
  assert.equal(meters.frame('other', 10), 0)
  assert.ok(meters.muxer('one', muxerFrames.burst + 1) > 0)
  now += 60_000
  assert.equal(meters.frame('one', 10), 0)
  assert.ok(meters.frame('one', 64 * 1024 * 1024) > 0, 'bytes are counted as well')
})

test('P7: requests above the rate are answered later', () => {
  let now = 0
  const meters = new Meters(() => now)
  const waits = Array.from({ length: 40 }, () => meters.request('one'))
  assert.deepEqual(
    waits.slice(0, 32),
    Array.from({ length: 32 }, () => 0),
  )
  assert.deepEqual(waits.slice(32, 36), [250, 500, 750, 1_000])
  now += 60_000
  assert.equal(meters.request('one'), 0)
})
