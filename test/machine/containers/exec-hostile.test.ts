import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import {
  createFrameReader,
  encodeFrame,
  type FrameKind,
  stdinWindowBytes,
} from '../../../protocol/exec-frames.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { runBusybox } from './busybox.ts'
import { type ControlledHost, endOf, serveContainer } from './control.ts'

const forever = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'

/** A client that says whatever it likes, after the upgrade or at once with it. */
async function dial(t: TestContext, host: ControlledHost, ahead: Uint8Array): Promise<Socket> {
  const socket = connect(join(host.runDir, 'admin.sock'))
  afterwards(t, async () => void socket.destroy())
  socket.on('error', () => {})
  const head = ['POST /v1/containers/web/exec HTTP/1.1', 'host: covey', 'connection: upgrade']
  const text = `${[...head, 'upgrade: covey-stream'].join('\r\n')}\r\n\r\n`
  socket.write(Buffer.concat([Buffer.from(text), ahead]))
  return socket
}

const start = (command: readonly string[]): Uint8Array =>
  frame('start', {
    command,
    terminal: null,
    stdin: true,
    user: null,
    workingDir: null,
    environment: [],
  })

function frame(kind: FrameKind, value: unknown): Uint8Array {
  return encodeFrame(kind, Buffer.from(JSON.stringify(value)))
}

/** Kinds and payloads of all frames until the agent ends the connection. */
async function answerOf(socket: Socket): Promise<readonly string[]> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  const bytes = Buffer.concat(chunks)
  const frames = createFrameReader().feed(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))
  return frames.map(({ kind, payload }) => `${kind} ${Buffer.from(payload)}`)
}

describe('a client of exec that does not keep to the rules', () => {
  const window = new Uint8Array(64 * 1024)
  const flood = Array.from({ length: 5 }, () => encodeFrame('stdin', window))
  const table: readonly (readonly [name: string, sent: Uint8Array, answer: RegExp])[] = [
    ['begins with something else', frame('stdin', 'x'), /^fault .*did not say what to run/],
    ['does not say what to run', frame('start', { command: [] }), /^fault .*did not say what to/],
    ['says no JSON', encodeFrame('start', Buffer.from('{')), /^fault .*did not say what to run/],
    ['says no frame', Buffer.from('hello, hello, hello'), /^(fault .*)?$/],
    [
      'sends more input than was requested',
      Buffer.concat([start(['sleep', '5151']), ...flood]),
      /^(taken \d+\n?)*(fault .*more input than.*)?$/,
    ],
  ]
  for (const [name, sent, expected] of table) {
    it(`${name}: it is told or left, and the next one is served`, async (t) => {
      const folder = await temporaryFolder(t)
      const container = await runBusybox(t, folder, forever, join(folder, 'log'))
      const host = await serveContainer(t, folder, container)
      assert.ok(flood.length * window.length > stdinWindowBytes)
      const answer = await answerOf(await dial(t, host, sent))
      assert.match(answer.join('\n'), expected)
      const next = await endOf(host.covey('exec', 'web', '--', 'echo', 'next'))
      assert.deepEqual(next, { code: 0, out: 'next\n', err: '' })
    })
  }

  it('may say all that it has to say at once', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const input = encodeFrame('stdin', Buffer.from('typed'))
    const end = encodeFrame('stdin-end', new Uint8Array(0))
    const odd = [frame('resize', { rows: -1 }), frame('signal', 'SIGNOTHING'), frame('exit', 0)]
    const said = [start(['cat']), input, ...odd, end]
    const answer = await answerOf(await dial(t, host, Buffer.concat(said)))
    assert.deepEqual(answer.toSorted(), ['exit 0', 'stdout typed', 'taken 5'])
  })
})
