import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { test } from 'node:test'
import { documentProtocol } from '../../../agent/overlay/document-protocol.ts'
import { requestBytesMax, requestsPerPeerMax } from '../../../agent/overlay/limits.ts'
import { envelopeBytesMax } from '../../../protocol/limits.ts'
import { connect, frameOf, startHost } from './host.ts'
import { addressOfHost, startStranger } from './stranger.ts'

const timeout = 60_000

test('the largest document arrives whole while gossip goes on', { timeout }, async (t) => {
  const document = randomFillSync(Buffer.alloc(envelopeBytesMax))
  const one = await startHost(t, 'large 1')
  const other = await startHost(t, 'large 2', async () => document)
  await connect(one, other)
  const signal = AbortSignal.timeout(timeout)
  let answered = false
  const answer = one.overlay.request(other.peerId, frameOf('the document'), signal)
  const done = answer.then(() => (answered = true))
  // Frame by frame and back, for as long as the document is on its way.
  let rounds = 0
  while (!answered || rounds < 5) {
    rounds += 1
    other.overlay.send(one.peerId, frameOf(`ping ${rounds}`))
    await one.until(() => one.frames(other.peerId).length === rounds)
    one.overlay.send(other.peerId, frameOf(`pong ${rounds}`))
    await other.until(() => other.frames(one.peerId).length === rounds)
  }
  await done
  assert.ok(document.equals(await answer))
  assert.ok(one.overlay.traffic().bytesIn > envelopeBytesMax)
  assert.ok(other.overlay.traffic().bytesOut > envelopeBytesMax)
  const told = [...one.told, ...other.told].map((it) => it.event)
  assert.ok(!told.includes('down'))
})

test('several large documents at once', { timeout }, async (t) => {
  const one = await startHost(t, 'several 1')
  const other = await startHost(t, 'several 2', async (_, request) =>
    new Uint8Array(envelopeBytesMax).fill(request[0] ?? 0),
  )
  await connect(one, other)
  const marks = Array.from({ length: 4 }, (_, index) => index + 1)
  const answers = await Promise.all(
    marks.map((mark) =>
      one.overlay.request(other.peerId, Uint8Array.of(mark), AbortSignal.timeout(timeout)),
    ),
  )
  for (const [index, answer] of answers.entries()) {
    assert.equal(answer.byteLength, envelopeBytesMax)
    assert.ok(answer.every((byte) => byte === marks[index]))
  }
})

test('requests of every size are echoed, in both directions', { timeout }, async (t) => {
  const [one, other] = await Promise.all([startHost(t, 'sizes 1'), startHost(t, 'sizes 2')])
  await connect(one, other)
  for (const size of [0, 1, 127, 128, 16_383, 16_384, requestBytesMax]) {
    const request = randomFillSync(Buffer.alloc(size))
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const answer = await from.overlay.request(to.peerId, request, AbortSignal.timeout(timeout))
      assert.ok(request.equals(answer), `${size} bytes`)
    }
  }
})

test('a request ends with its signal, and the next one works', { timeout }, async (t) => {
  const asked = Promise.withResolvers<void>()
  const one = await startHost(t, 'abort 1')
  const other = await startHost(t, 'abort 2', async (_, request) => {
    if (request.byteLength > 1) return request
    asked.resolve()
    return await new Promise<Uint8Array>(() => {})
  })
  await connect(one, other)
  const controller = new AbortController()
  const hanging = one.overlay.request(other.peerId, frameOf('?'), controller.signal)
  await asked.promise
  controller.abort(new Error('changed my mind'))
  await assert.rejects(hanging, /changed my mind/)
  const signal = AbortSignal.timeout(timeout)
  await assert.rejects(one.overlay.request(other.peerId, frameOf('x'), AbortSignal.abort()))
  assert.equal((await one.overlay.request(other.peerId, frameOf('yes'), signal)).byteLength, 3)
})

test('G13: a request fails when it cannot be answered', { timeout }, async (t) => {
  const one = await startHost(t, 'fail 1')
  const other = await startHost(t, 'fail 2', async (_, request) => {
    if (request.byteLength === 1) throw new Error('no such document')
    return new Uint8Array(envelopeBytesMax + 1)
  })
  const ask = (request: string): Promise<Uint8Array> =>
    one.overlay.request(other.peerId, frameOf(request), AbortSignal.timeout(timeout))
  await assert.rejects(ask('up?'), { code: 'peer-down' })
  await connect(one, other)
  await assert.rejects(ask('?'))
  await assert.rejects(ask('too much'))
  await assert.rejects(ask('x'.repeat(requestBytesMax + 1)), { code: 'request-too-large' })
  // None of it costs the connection.
  assert.equal(one.overlay.send(other.peerId, frameOf('still here')), true)
  await other.until(() => other.frames(one.peerId).length === 1)
})

test('a peer that ends in the middle of an answer fails the request', { timeout }, async (t) => {
  const asked = Promise.withResolvers<void>()
  const one = await startHost(t, 'middle 1')
  const other = await startHost(t, 'middle 2', async () => {
    asked.resolve()
    return await new Promise<Uint8Array>(() => {})
  })
  await connect(one, other)
  const hanging = one.overlay.request(other.peerId, frameOf('?'), AbortSignal.timeout(timeout))
  hanging.catch(() => {})
  await asked.promise
  await other.overlay.stop()
  await assert.rejects(hanging)
})

test('G13: more requests at once than allowed are refused', { timeout }, async (t) => {
  const gate = Promise.withResolvers<void>()
  let serving = 0
  const full = Promise.withResolvers<void>()
  const host = await startHost(t, 'crowd 1', async (_, request) => {
    serving += 1
    if (serving === requestsPerPeerMax) full.resolve()
    await gate.promise
    return request
  })
  const peer = await startHost(t, 'crowd 2')
  await connect(peer, host)
  const signal = AbortSignal.timeout(timeout)
  const ask = (): Promise<Uint8Array> => peer.overlay.request(host.peerId, frameOf('?'), signal)
  const allowed = Array.from({ length: requestsPerPeerMax }, ask)
  await full.promise
  await assert.rejects(ask())
  gate.resolve()
  assert.equal((await Promise.all(allowed)).length, requestsPerPeerMax)
  assert.equal(serving, requestsPerPeerMax)
})

test('G13: a request that is larger than it may be is not served', { timeout }, async (t) => {
  let served = 0
  const host = await startHost(t, 'flood 1', async (_, request) => {
    served += 1
    return request
  })
  const { node } = await startStranger(t, 'flood 2')
  host.overlay.admit(new Set([node.peerId.toString()]))
  const signal = AbortSignal.timeout(timeout)
  const stream = await node.dialProtocol(addressOfHost(host), documentProtocol, { signal })
  const closed = new Promise((resolve) => stream.addEventListener('close', resolve))
  stream.send(new Uint8Array([0xff, 0xff, 0xff, 0x7f, 1, 2, 3]))
  await closed
  assert.equal(served, 0)
})
