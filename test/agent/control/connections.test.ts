import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { boundConnections, keepStream } from '../../../agent/control/connections.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { ask, holdOpen, serverIn } from './server-of.ts'

const most = 4

/** A server with room for four; `/stream` and `/wait` are never answered whole. */
async function small(t: TestContext): Promise<{ path: string; waiting: ServerResponse[] }> {
  const path = join(await temporaryFolder(t), 's')
  const waiting: ServerResponse[] = []
  const server = createServer((request, response) => {
    if (request.url === '/wait') return void waiting.push(response)
    if (request.url !== '/stream') return void response.end('hello')
    keepStream(request.socket)
    response.write('first')
  })
  boundConnections(server, most)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  afterwards(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { path, waiting }
}

/** Resolves once the other side has closed the connection. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
    socket.resume()
  })
}

function head(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: covey\r\n\r\n`
}

async function stream(t: TestContext, path: string): Promise<Socket> {
  const socket = await holdOpen(t, path, head('/stream'))
  await new Promise((resolve) => socket.once('data', resolve))
  return socket
}

suite('connections of a control socket', { timeout: 60_000 }, () => {
  test('that are idle make way, the oldest first', async (t) => {
    const { path } = await small(t)
    const held: Socket[] = []
    for (let index = 0; index < most; index++) held.push(await holdOpen(t, path))
    assert.equal(await ask(path), 200)
    const [first, ...others] = held
    assert.ok(first !== undefined)
    await closed(first)
    assert.ok(others.every((socket) => !socket.destroyed))
  })

  test('that wait for their next request count as idle since their last', async (t) => {
    const { path } = await small(t)
    const used = await holdOpen(t, path)
    const others: Socket[] = []
    for (let index = 1; index < most; index++) others.push(await holdOpen(t, path))
    used.write(head('/hello'))
    await new Promise((resolve) => used.once('data', resolve))
    assert.equal(await ask(path), 200)
    assert.ok(others[0] !== undefined)
    await closed(others[0])
    assert.equal(used.destroyed, false)
  })

  test('whose request never arrives whole make way before those that wait', async (t) => {
    const { path, waiting } = await small(t)
    const answering = await holdOpen(t, path, head('/wait'))
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const post = 'POST /slow HTTP/1.1\r\nhost: covey\r\ncontent-length: 10\r\n\r\n'
    const arriving: Socket[] = []
    for (let index = 1; index < most; index++) {
      const socket = await holdOpen(t, path, post)
      await new Promise((resolve) => socket.once('data', resolve))
      arriving.push(socket)
    }
    for (let index = 0; index < 2 * most; index++) assert.equal(await ask(path), 200)
    assert.equal(answering.destroyed, false)
    for (const socket of arriving) socket.destroy()
  })

  test('that are streams stay', async (t) => {
    const { path } = await small(t)
    const streams: Socket[] = []
    for (let index = 0; index < most - 1; index++) streams.push(await stream(t, path))
    for (let index = 0; index < 3 * most; index++) assert.equal(await ask(path), 200)
    const idle = await holdOpen(t, path)
    assert.equal(await ask(path), 200)
    await closed(idle)
    assert.ok(streams.every((socket) => !socket.destroyed))
    streams.push(await stream(t, path))
    const late = connect(path)
    late.on('error', () => undefined)
    await closed(late)
    assert.ok(streams.every((socket) => !socket.destroyed))
  })

  test('hold neither socket shut, however many there are', { timeout: 60_000 }, async (t) => {
    const { covey, admin } = await serverIn(t, await temporaryFolder(t))
    const half = 'GET /v1/hello HTTP/1.1\r\nhost: '
    const post = 'POST /v1/hello HTTP/1.1\r\nhost: covey\r\ncontent-length: 10\r\n\r\n'
    for (const text of ['', half, post]) {
      for (let index = 0; index < 200; index++) await holdOpen(t, covey, text)
      assert.equal(await ask(covey), 200)
      assert.equal(await ask(admin), 200)
    }
  })
})
