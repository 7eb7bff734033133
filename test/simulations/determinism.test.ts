import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { publicPart } from '../../simulations/report/tell.ts'
import { runScenario } from '../../simulations/run.ts'
import { scenarioNamed, scenarios } from '../../simulations/scenarios/scenarios.ts'

const main = join(import.meta.dirname, '../../simulations/main.ts')
const names = ['partition', 'crash-everywhere', 'root-fork']

function linesOf(name: string): string {
  const lines = [4, 5].map((seed) => {
    const scenario = scenarioNamed(name)
    assert.ok(scenario)
    const result = runScenario({ scenario, seed, hosts: scenario.hosts })
    return `${JSON.stringify(publicPart(result, null))}\n`
  })
  return lines.join('')
}

describe('a seed', () => {
  for (const name of names) {
    it(`gives the same bytes twice, also in another process: ${name}`, () => {
      const first = linesOf(name)
      assert.equal(linesOf(name), first)
      const args = [main, '--scenario', name, '--seeds', '4..5', '--json']
      assert.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), first)
    })
  }

  it('is what makes the difference', () => {
    const [scenario] = scenarios
    assert.ok(scenario)
    const traces = [1, 2, 3].map((seed) => runScenario({ scenario, seed, hosts: 4 }).trace)
    assert.equal(new Set(traces).size, 3)
  })

  it('gives the same run whether or not it is watched and sampled', () => {
    const scenario = scenarioNamed('churn')
    assert.ok(scenario)
    const plain = runScenario({ scenario, seed: 2, hosts: 6 })
    const watched = runScenario({
      scenario,
      seed: 2,
      hosts: 6,
      sampled: true,
      alsoWatch: () => ({ stepped: () => undefined }),
    })
    assert.ok(watched.samples.length > 100)
    assert.deepEqual(publicPart(watched, null), publicPart(plain, null))
  })
})
