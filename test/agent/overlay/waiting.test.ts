import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gossipProtocol } from '../../../agent/overlay/gossip-stream.ts'
import { introduce, startHost } from './host.ts'
import { startProxy } from './proxy.ts'
import { addressOfHost, speak, startStranger } from './stranger.ts'

const timeout = 60_000

// Each of these waits for a bound to run out and does little else, so they wait together.
describe('bounds that run out', { concurrency: true }, () => {
  test('T7: a peer that vanishes without a word is down on both sides', { timeout }, async (t) => {
    const [one, other] = await Promise.all([startHost(t, 'vanish 1'), startHost(t, 'vanish 2')])
    const proxy = await startProxy(t, other)
    introduce(one, other)
    one.overlay.dial({ ...proxy, peerId: other.peerId })
    await one.until(() => one.count('up', other.peerId) === 1)
    proxy.freeze()
    await one.until(() => one.count('down', other.peerId) === 1)
    await other.until(() => other.count('down', one.peerId) === 1)
    for (const last of [one.told.at(-1), other.told.at(-1)]) {
      assert.equal(last?.event === 'down' && last.reason, 'silent')
    }
  })

  test('a peer that reads nothing is dropped, however little it is sent', {
    timeout,
  }, async (t) => {
    const host = await startHost(t, 'stuck 1')
    const { node } = await startStranger(t, 'stuck 2')
    const peerId = node.peerId.toString()
    const stream = await speak(host, node)
    stream.pause()
    // Enough to fill the stream's window and leave a little in the queue, well below its bounds.
    for (let count = 0; count < 12; count += 1) host.overlay.send(peerId, new Uint8Array(50_000))
    const heartbeat = setInterval(() => {
      if (stream.status === 'open') stream.send(Uint8Array.of(0))
    }, 500)
    t.after(() => clearInterval(heartbeat))
    await host.until(() => host.count('down', peerId) === 1)
    const last = host.told.at(-1)
    assert.equal(last?.event === 'down' && last.reason, 'does not read')
  })

  test('a peer that never accepts the stream fails the dial', { timeout }, async (t) => {
    const host = await startHost(t, 'mute 1')
    const { node, address, port } = await startStranger(t, 'mute 2')
    const peerId = node.peerId.toString()
    await node.handle(gossipProtocol, () => {})
    host.overlay.admit(new Set([peerId]))
    host.overlay.dial({ peerId, address, port })
    await host.until(() => host.count('failed', peerId) === 1)
    assert.equal(host.told.length, 1)
  })

  test('T7: a peer that opens a connection and no gossip stream is disconnected', {
    timeout,
  }, async (t) => {
    const host = await startHost(t, 'silent 1')
    const { node } = await startStranger(t, 'silent 2')
    host.overlay.admit(new Set([node.peerId.toString()]))
    const connection = await node.dial(addressOfHost(host))
    await new Promise((resolve) => connection.addEventListener('close', resolve))
    assert.deepEqual(host.told, [])
  })
})
