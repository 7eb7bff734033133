import { parseArgs } from 'node:util'
import { runKills } from './kill-run.ts'

/** `npm run kills -- --kills 1000 --seed 7`: see docs of `runKills`. Exit code 1 on a violation. */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
})
const kills = Number(values.kills)
const seed = Number(values.seed)
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed)) {
  console.error('kills: --kills and --seed are whole numbers')
  process.exit(2)
}
try {
  const report = await runKills({
    kills,
    seed,
    onProgress(done) {
      if (done % 50 === 0) console.error(`${done} of ${kills} kills`)
    },
  })
  console.log(
    `${report.kills} kills (${report.killsWhileStarting} of them within a start) in ` +
      `${report.seconds} s: ${report.checks} restarts checked, ${report.versions} versions; ` +
      `no head went back, every file was whole, every start succeeded (seed ${seed})`,
  )
} catch (error) {
  console.error(`kills: violated with seed ${seed}:`, error)
  process.exit(1)
}
