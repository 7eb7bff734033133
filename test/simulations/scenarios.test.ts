import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runScenario } from '../../simulations/run.ts'
import { scenarioNamed, scenarios } from '../../simulations/scenarios/scenarios.ts'
import { foundSeeds } from '../../simulations/scenarios/seeds.ts'

/** Seeds of each scenario; `npm run simulate` goes on from here. */
const seeds = [1, 2, 3, 4, 5]

describe('every scenario', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}: ${scenario.shows}`, () => {
      const seen = new Set<string>()
      for (const seed of scenario.name === 'scale' ? [1] : seeds) {
        const { violation, agreedMs, coverage } = runScenario({
          scenario,
          seed,
          hosts: scenario.hosts,
        })
        assert.equal(violation, null, `seed ${seed}: ${JSON.stringify(violation)}`)
        assert.notEqual(agreedMs, null)
        for (const name of Object.keys(coverage)) seen.add(name)
      }
      const missing = scenario.covers.filter((name) => !seen.has(name))
      assert.deepEqual(missing, [], 'what never happens is not shown')
    })
  }
})

describe('seeds that once found something', () => {
  for (const { scenario: name, seed, hosts, found } of foundSeeds) {
    it(`${name} ${seed}: ${found}`, () => {
      const scenario = scenarioNamed(name)
      assert.ok(scenario)
      assert.equal(runScenario({ scenario, seed, hosts }).violation, null)
    })
  }
})

describe('a mixture', () => {
  it('has as many hosts as it is asked for, and still agrees', () => {
    const scenario = scenarioNamed('nat')
    assert.ok(scenario)
    const { violation, degree } = runScenario({ scenario, seed: 3, hosts: 60 })
    assert.equal(violation, null)
    assert.ok(degree.most < 60, 'above the full mesh a host talks to some of the others only')
  })
})
