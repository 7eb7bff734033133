import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sizeOf } from '../sizes.ts'
import { runKills } from './kill-run.ts'

const kills = sizeOf('COVEY_KILLS', 12, 400)

it(`survives ${kills} kills at random moments: no head goes back, no file is torn`, async () => {
  const report = await runKills({ kills, seed: 7 })
  assert.ok(report.kills >= kills)
  assert.ok(report.checks > 0 && report.killsWhileStarting > 0 && report.versions > 0)
})
