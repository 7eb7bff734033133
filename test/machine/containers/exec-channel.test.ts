import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createExecChannel } from '../../../machine/containers/exec/channel.ts'
import { encodeFrame } from '../../../protocol/exec-frames.ts'

test('what a client still sends does not cost it the last frame', async () => {
  const [client, server] = duplexPair()
  const channel = createExecChannel(server, Buffer.alloc(0))
  const taken: string[] = []
  channel.listen(({ kind, payload }) => {
    taken.push(kind)
    void channel.send('taken', String(payload.length))
  })
  await channel.send('exit', '0')
  channel.end()
  channel.end()
  await new Promise((resolve) => client.write(encodeFrame('stdin', Buffer.alloc(1000)), resolve))
  await new Promise(setImmediate)
  // A client whose writes fail would not read any more.
  assert.equal(server.destroyed, false)
  const received = text(client)
  await new Promise<void>((resolve) =>
    client.end(encodeFrame('stdin-end', Buffer.alloc(0)), resolve),
  )
  assert.equal(await received, Buffer.from(encodeFrame('exit', Buffer.from('0'))).toString())
  assert.deepEqual(taken, ['stdin', 'stdin-end'])
})
