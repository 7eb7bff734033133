import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { gossipProtocol } from '../../../agent/overlay/gossip-stream.ts'
import { connectionsPerPeerMax } from '../../../agent/overlay/limits.ts'
import { connect, frameOf, introduce, startHost } from './host.ts'
import { startProxy } from './proxy.ts'
import { addressOfHost, startStranger } from './stranger.ts'

const timeout = 60_000

test('at the start nobody may connect', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'start 1'), startHost(t, 'start 2')])
  one.overlay.admit(new Set([other.peerId]))
  one.overlay.dial(other)
  await one.until(() => one.count('failed', other.peerId) === 1)
  assert.deepEqual(other.told, [])
})

test('P3: an unlisted peer gets no stream, and learns that it failed', { timeout }, async (t) => {
  const [host, friend] = await Promise.all([startHost(t, 'list 1'), startHost(t, 'list 2')])
  const { node } = await startStranger(t, 'list 3')
  await connect(host, friend)
  await assert.rejects(async () => {
    const signal = AbortSignal.timeout(timeout)
    const stream = await node.dialProtocol(addressOfHost(host), gossipProtocol, { signal })
    stream.send(frameOf('let me in'))
    for await (const chunk of stream) assert.fail(`got ${chunk.byteLength} bytes`)
  })
  assert.deepEqual(
    host.told.map((it) => it.peerId),
    [friend.peerId],
  )
})

test('P3: an unlisted peer is not dialled', { timeout }, async (t) => {
  const host = await startHost(t, 'undialled 1')
  const stranger = await startStranger(t, 'undialled 2')
  let connections = 0
  stranger.node.addEventListener('connection:open', () => (connections += 1))
  const peerId = stranger.node.peerId.toString()
  host.overlay.dial({ peerId, address: stranger.address, port: stranger.port })
  await host.until(() => host.count('failed', peerId) === 1)
  assert.equal(connections, 0)
})

test('P3: a peer that is no longer admitted is disconnected', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'removed 1'), startHost(t, 'removed 2')])
  const proxy = await startProxy(t, other)
  introduce(one, other)
  one.overlay.dial({ ...proxy, peerId: other.peerId })
  await one.until(() => one.count('up', other.peerId) === 1)
  await other.until(() => other.count('up', one.peerId) === 1)
  other.overlay.admit(new Set())
  await one.until(() => one.count('down', other.peerId) === 1)
  await other.until(() => other.count('down', one.peerId) === 1)
  await proxy.untilOpen(0)
  one.overlay.dial(other)
  await one.until(() => one.count('failed', other.peerId) === 1)
  assert.equal(other.count('up', one.peerId), 1)
})

test('P3: a connection without a gossip stream is judged too', { timeout }, async (t) => {
  const host = await startHost(t, 'idle 1')
  const { node } = await startStranger(t, 'idle 2')
  host.overlay.admit(new Set([node.peerId.toString()]))
  const connection = await node.dial(addressOfHost(host))
  // Only a connection that answers has passed the gater: the dialler is through before that.
  await assert.rejects(
    connection.newStream('/covey/none', { signal: AbortSignal.timeout(timeout) }),
  )
  assert.equal(connection.status, 'open')
  const closed = new Promise((resolve) => connection.addEventListener('close', resolve))
  host.overlay.admit(new Set())
  await closed
})

test('a peer cannot hold many connections', { timeout }, async (t) => {
  const host = await startHost(t, 'many 1')
  const { node } = await startStranger(t, 'many 2')
  host.overlay.admit(new Set([node.peerId.toString()]))
  const connections: Connection[] = []
  for (let count = 0; count < connectionsPerPeerMax + 3; count += 1) {
    const connection = await node.dial(addressOfHost(host), { force: true })
    // By the answer to this, whatever it is, the host has judged the connection.
    const signal = AbortSignal.timeout(timeout)
    await assert.rejects(connection.newStream('/covey/none', { signal }))
    connections.push(connection)
  }
  const open = connections.filter((connection) => connection.status === 'open')
  assert.equal(open.length, connectionsPerPeerMax)
})
