import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { packedMessageBytes } from '../../../machine/images/limits.ts'
import { createSandbox } from '../../../machine/images/unpack/sandbox.ts'
import { createUnpackers, type Unpackers } from '../../../machine/images/unpack/unpackers.ts'
import { temporaryFolder } from '../../temporary.ts'
import { digestOf, pieces } from './archive-of.ts'
import { tarOf } from './rich-image.ts'

/** A thread, and an empty folder for it. */
async function begin(t: TestContext): Promise<{ unpackers: Unpackers; target: string }> {
  const work = await temporaryFolder(t)
  const [root, target] = [join(work, 'sandbox'), join(work, 'target')]
  await mkdir(target)
  await createSandbox(root)
  const unpackers = createUnpackers(root)
  t.after(() => unpackers.close())
  return { unpackers, target }
}

describe('the thread that unpacks', () => {
  const sizes = [1_000, 40_009, packedMessageBytes, packedMessageBytes * 3 + 1]
  for (const size of sizes) {
    it(`gets every byte of a layer that comes in chunks of ${size}`, async (t) => {
      const { unpackers, target } = await begin(t)
      const content = randomBytes(packedMessageBytes * 4 + 12_345)
      const bytes = tarOf({ path: 'file', content })
      const { entries } = await unpackers.unpack({
        packed: pieces(bytes, size),
        diffId: digestOf(bytes),
        target,
        lowerLinks: new Map(),
        onBytes() {},
        signal: new AbortController().signal,
      })
      assert.equal(entries, 1)
      assert.ok(readFileSync(join(target, 'file')).equals(content))
    })
  }

  it('passes on why its source breaks off', async (t) => {
    const { unpackers, target } = await begin(t)
    async function* breaking(): AsyncGenerator<Uint8Array> {
      const bytes = tarOf({ path: 'file', content: randomBytes(packedMessageBytes * 4) })
      yield* pieces(bytes.subarray(0, packedMessageBytes * 2))
      throw new Error('the line is dead')
    }
    const unpacked = unpackers.unpack({
      packed: breaking(),
      diffId: digestOf(Buffer.alloc(0)),
      target,
      lowerLinks: new Map(),
      onBytes() {},
      signal: new AbortController().signal,
    })
    await assert.rejects(unpacked, /^Error: the line is dead$/)
  })
})
