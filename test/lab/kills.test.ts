import assert from 'node:assert/strict'
import { it } from 'node:test'
import { runKills } from './kill-run.ts'

it('survives 40 kills at random moments: no head goes back, no file is torn', async () => {
  const report = await runKills({ kills: 40, seed: 7 })
  assert.ok(report.kills >= 40)
  assert.ok(report.checks > 0 && report.killsWhileStarting > 0 && report.versions > 0)
})
