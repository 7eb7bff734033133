import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { sizeOf } from '../../../sizes.ts'
import { temporaryFolder } from '../../../temporary.ts'
import { compareBatch, type Draw, emptyTally } from './compare-batch.ts'
import { oddImage } from './random-layers.ts'

/** `COVEY_ODD_LAYERS` images from seed `COVEY_ODD_SEED` on, so many at once. */
const count = sizeOf('COVEY_ODD_LAYERS', 60, 10_000)
const firstSeed = sizeOf('COVEY_ODD_SEED', 1, 1)
const batchSize = 25

describe('odd layers', () => {
  it('drawn at random are unpacked as umoci does it, or refused', async (t) => {
    const work = await temporaryFolder(t)
    const tally = emptyTally()
    for (let at = 0; at < count; at += batchSize) {
      const size = Math.min(batchSize, count - at)
      const draws = Array.from({ length: size }, (_, index): Draw => {
        return (root) => oddImage(firstSeed + at + index, root)
      })
      const folder = join(work, String(at))
      await mkdir(folder)
      await compareBatch(folder, draws, tally)
      await rm(folder, { recursive: true })
    }
    t.diagnostic(`${tally.equal} of ${count} equal, refused: ${JSON.stringify([...tally.refused])}`)
    assert.deepEqual(tally.findings, [])
    assert.ok(tally.equal > count / 2, `only ${tally.equal} of ${count} were compared`)
  })
})
