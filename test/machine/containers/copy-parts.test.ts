import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { oldPartsMax, partMsMax } from '../../../machine/containers/copy/limits.ts'
import { openPlace } from '../../../machine/containers/copy/places.ts'
import { makePart } from '../../../machine/containers/copy/settle.ts'
import { temporaryFolder } from '../../temporary.ts'

test('what a killed agent left of a copy goes with a later one, and nothing else', async (t) => {
  const root = await temporaryFolder(t)
  const [into, other] = [join(root, 'into'), join(root, 'other')]
  for (const path of [into, other, join(into, '.covey-cp-mine')]) mkdirSync(path)
  writeFileSync(join(other, 'kept'), '')
  const kept = '.covey-cp-mine'
  const folder = await openPlace(into)
  try {
    const make = async (nowMs: number): Promise<string> => {
      const { name, part } = await makePart(folder, nowMs)
      await part.handle.close()
      return name
    }
    const nowMs = Date.now()
    const left = await make(nowMs)
    mkdirSync(join(into, left, 'content'))
    symlinkSync(other, join(into, left, 'content', 'link'))
    symlinkSync(other, join(into, `.covey-cp-${'0'.repeat(16)}`))
    // A copy that goes on keeps its own.
    const going = await make(nowMs + partMsMax - 10_000)
    assert.deepEqual(readdirSync(into).length, 4)
    const after = await make(nowMs + partMsMax + 10_000)
    assert.deepEqual(readdirSync(into).sort(), [kept, after].sort(), going)
    assert.deepEqual(readdirSync(other), ['kept'])
    // A container that makes thousands of them holds no copy up.
    for (let n = 0; n < oldPartsMax + 5; n++) {
      mkdirSync(join(into, `.covey-cp-${String(n).padStart(16, 'a')}`))
    }
    await make(nowMs + partMsMax + 10_000)
    assert.equal(readdirSync(into).length, oldPartsMax + 8 - oldPartsMax)
  } finally {
    await folder.handle.close()
  }
})
