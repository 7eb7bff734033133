import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { violationText } from '../../simulations/report/tell.ts'
import { runScenario } from '../../simulations/run.ts'
import { scenarioNamed } from '../../simulations/scenarios/scenarios.ts'
import { shrink } from '../../simulations/shrink.ts'
import type { RunRequest } from '../../simulations/world/setup.ts'

/** A run that counts as broken once hosts 2 and 3 have both been killed. */
function planted(): RunRequest {
  const scenario = scenarioNamed('churn')
  assert.ok(scenario)
  return {
    scenario,
    seed: 6,
    hosts: 6,
    alsoWatch(_, checker) {
      const killed = new Set<number>()
      return {
        ended(host) {
          killed.add(host.index)
          if (killed.has(2) && killed.has(3)) checker.fail(6, host, 'was killed as planted')
        },
      }
    },
  }
}

describe('shrinking', () => {
  const request = planted()
  const found = runScenario(request)
  const kept = shrink(request, found)

  it('keeps the two stimuli that are needed of many', () => {
    assert.equal(found.violation?.invariant, 6)
    assert.ok(found.stimuli.length > 40)
    const hosts = kept.map((index) => {
      const stimulus = found.stimuli[index]
      return stimulus?.kind === 'end' ? stimulus.host : null
    })
    assert.deepEqual([...hosts].sort(), [2, 3])
  })

  it('leaves a run that breaks the same invariant, the same way each time', () => {
    const only = new Set(kept)
    const [first, second] = [1, 2].map(() => runScenario({ ...request, only }))
    assert.equal(first?.violation?.what, 'was killed as planted')
    assert.deepEqual(second?.violation, first?.violation)
  })

  it('cannot go below what it is given', () => {
    const only = new Set(kept)
    const again = shrink({ ...request, only }, runScenario({ ...request, only }))
    assert.deepEqual(again, kept)
  })

  it('says how to replay it', () => {
    const text = violationText(found, kept)
    assert.match(text, /^invariant 6 broken: h0000[23] was killed as planted\n/)
    assert.match(text, /churn, seed 6, 6 hosts, commit \w+/)
    const command = `replay: npm run simulate -- --scenario churn --seed 6 --hosts 6 --only ${kept} --step`
    assert.ok(text.includes(command))
  })
})
