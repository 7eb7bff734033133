import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import type { Sandbox } from '../../../machine/images/unpack/sandbox.ts'
import { unpackInto } from '../../../machine/volumes/unpack.ts'

/** A program that reads so many bytes of what it is given, and ends with this exit code. */
function readerOf(bytes: number, exit: number): Pick<Sandbox, 'start'> {
  return {
    start: () => {
      const script = `head -c ${bytes} >/dev/null; exit ${exit}`
      const process = spawn('sh', ['-c', script], { stdio: 'pipe' })
      process.stdin.on('error', () => undefined)
      const ended = once(process, 'exit').then(([code]) => {
        if (code !== 0) throw new Error(`exit code ${code}`)
      })
      ended.catch(() => undefined)
      const kill = (): void => void process.kill('SIGKILL')
      return { process, ended, kill, during: (work) => work }
    },
  }
}

// Found by a run on a busy machine: `tar` had ended before the padding behind its mark was written,
// and a whole archive was called damaged.
test('a program that reads no further than the end of its archive has all of it', async () => {
  const archive = zstdCompressSync(Buffer.alloc(4 * 1024 * 1024))
  const sent = async function* (): AsyncGenerator<Uint8Array> {
    yield archive
  }
  const { signal } = new AbortController()
  const { bytes, sha256 } = await unpackInto(readerOf(10_240, 0), '/', sent(), signal)
  assert.equal(bytes, archive.length)
  assert.equal(sha256, createHash('sha256').update(archive).digest('hex'))
  await assert.rejects(unpackInto(readerOf(10_240, 2), '/', sent(), signal), {
    code: 'volume-archive',
  })
})
