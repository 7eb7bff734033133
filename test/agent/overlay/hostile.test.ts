import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { gossipProtocol } from '../../../agent/overlay/gossip-stream.ts'
import { gossipQueueBytesMax, streamWindowBytesMax } from '../../../agent/overlay/limits.ts'
import { gossipFrameBytesMax } from '../../../protocol/limits.ts'
import { connect, frameOf, startHost } from './host.ts'
import { addressOfHost, peerIdOf, speak, startStranger } from './stranger.ts'

const timeout = 60_000

const wrong: readonly (readonly [string, Uint8Array])[] = [
  ['a frame that says it is too large', Uint8Array.of(0x81, 0x80, 0x04)],
  ['a length that does not end', new Uint8Array(64).fill(0xff)],
  ['a length of 2^53', Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)],
]
for (const [index, [what, bytes]] of wrong.entries()) {
  test(`${what} costs the peer its connection`, { timeout }, async (t) => {
    const host = await startHost(t, `wrong ${index} 1`)
    const { node } = await startStranger(t, `wrong ${index} 2`)
    const peerId = node.peerId.toString()
    const stream = await speak(host, node)
    stream.send(Uint8Array.of(2, 0x68, 0x69))
    stream.send(bytes)
    await host.until(() => host.count('down', peerId) === 1)
    assert.deepEqual(host.frames(peerId), ['hi'])
    // A frame that was waited for would end the connection as well, some seconds later.
    const last = host.told.at(-1)
    assert.doesNotMatch(last?.event === 'down' ? last.reason : 'silent', /silent/)
    const friend = await startHost(t, `wrong ${index} 3`)
    await connect(friend, host)
  })
}

test('an accepted frame may be as large as allowed, to the byte', { timeout }, async (t) => {
  const host = await startHost(t, 'exact 1')
  const { node } = await startStranger(t, 'exact 2')
  const peerId = node.peerId.toString()
  const stream = await speak(host, node)
  stream.send(Uint8Array.of(0x80, 0x80, 0x04))
  stream.send(new Uint8Array(gossipFrameBytesMax).fill(0x61))
  await host.until(() => host.frames(peerId).length === 1)
  assert.equal(host.frames(peerId)[0]?.length, gossipFrameBytesMax)
})

test('a peer that does not read is bounded and dropped', { timeout }, async (t) => {
  const host = await startHost(t, 'slow 1')
  const { node } = await startStranger(t, 'slow 2')
  const peerId = node.peerId.toString()
  const stream = await speak(host, node)
  stream.pause()
  const frame = new Uint8Array(50_000)
  let queued = 0
  while (host.overlay.send(peerId, frame)) {
    queued += frame.byteLength
    await turn()
  }
  await host.until(() => host.count('down', peerId) === 1)
  const last = host.told.at(-1)
  assert.match(last?.event === 'down' ? last.reason : '', /slower/)
  assert.ok(queued <= gossipQueueBytesMax + streamWindowBytesMax, `${queued} bytes were queued`)
})

test('only the dialler of a connection may open the gossip stream', { timeout }, async (t) => {
  const host = await startHost(t, 'wrong side 1')
  const { node, address, port } = await startStranger(t, 'wrong side 2')
  const peerId = node.peerId.toString()
  await node.handle(gossipProtocol, (stream) => {
    stream.send(Uint8Array.of(0))
  })
  host.overlay.admit(new Set([peerId]))
  host.overlay.dial({ peerId, address, port })
  await host.until(() => host.count('up', peerId) === 1)
  const signal = AbortSignal.timeout(timeout)
  const back = node.getConnections()[0]?.newStream(gossipProtocol, { signal })
  await host.until(() => host.count('down', peerId) === 1)
  await Promise.allSettled([back])
  assert.deepEqual(
    host.told.map((it) => it.event),
    ['up', 'down'],
  )
})

test('a frame before the stream was accepted costs the connection', { timeout }, async (t) => {
  // The smaller peer id keeps its own connection and holds the other; a held stream must be silent.
  const names = ['early 1', 'early 2']
  const peerIds = await Promise.all(names.map(async (name) => peerIdOf(name)))
  const [hostName, strangerName] =
    String(peerIds[0]) < String(peerIds[1]) ? names : names.toReversed()
  const host = await startHost(t, String(hostName))
  const { node, address, port } = await startStranger(t, String(strangerName))
  const peerId = node.peerId.toString()
  await node.handle(gossipProtocol, (stream) => {
    stream.send(Uint8Array.of(0))
  })
  host.overlay.admit(new Set([peerId]))
  host.overlay.dial({ peerId, address, port })
  await host.until(() => host.count('up', peerId) === 1)
  const signal = AbortSignal.timeout(timeout)
  const connection = await node.dial(addressOfHost(host), { force: true, signal })
  const held = await connection.newStream(gossipProtocol, { signal })
  held.addEventListener('message', () => assert.fail('a held stream was accepted'))
  const closed = new Promise((resolve) => connection.addEventListener('close', resolve))
  held.send(Uint8Array.of(2, 0x68, 0x69))
  await closed
  assert.deepEqual(
    host.told.map((it) => it.event),
    ['up'],
  )
})

test('a peer without the protocol fails the dial', { timeout }, async (t) => {
  const host = await startHost(t, 'other 1')
  const { node, address, port } = await startStranger(t, 'other 2')
  const peerId = node.peerId.toString()
  host.overlay.admit(new Set([peerId]))
  host.overlay.dial({ peerId, address, port })
  await host.until(() => host.count('failed', peerId) === 1)
})

test('garbage and silence on the port do no harm', { timeout }, async (t) => {
  const host = await startHost(t, 'garbage 1')
  const sockets = Array.from({ length: 20 }, () => connectTcp(host.port, host.address))
  const ends = sockets.map((socket) => {
    socket.on('error', () => {})
    socket.resume()
    return new Promise((resolve) => socket.on('close', resolve))
  })
  for (const [index, socket] of sockets.entries()) {
    if (index % 2 === 0) socket.write(randomFillSync(Buffer.alloc(5_000)))
  }
  const friend = await startHost(t, 'garbage 2')
  await connect(friend, host)
  friend.overlay.send(host.peerId, frameOf('hello'))
  await host.until(() => host.frames(friend.peerId).length === 1)
  await Promise.all(ends)
  assert.deepEqual(
    host.told.map((it) => it.event),
    ['up', 'frame'],
  )
})
