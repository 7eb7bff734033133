import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeState } from '../../protocol/node/state.ts'
import { simulate } from '../../simulations/run.ts'
import { scenarioNamed } from '../../simulations/scenarios/scenarios.ts'
import type { Cluster } from '../../simulations/world/cluster.ts'

type Tamper = (node: NodeState) => void

/** The invariant that a run breaks in which nothing happens but that one host is tampered with. */
function brokenBy(tamper: Tamper): number | undefined {
  const scenario = scenarioNamed('lying-member') ?? assert.fail('no such scenario')
  const clusters: Cluster[] = []
  const run = simulate({
    scenario,
    seed: 1,
    hosts: 4,
    only: new Set(),
    alsoWatch(cluster) {
      clusters.push(cluster)
      return {}
    },
  })
  let isDone = false
  for (let step = run.next(); ; step = run.next()) {
    if (step.done) return step.value.violation?.invariant
    const node = clusters[0]?.hosts[1]?.node
    if (isDone || !node || step.value < 25_000) continue
    isDone = true
    tamper(node)
  }
}

test('19: a host that shows of another what that one has never said is noticed', () => {
  const broken = brokenBy((node) => {
    const known = node.statuses.get('h00000') ?? assert.fail('nothing is shown')
    const record = { ...known.record, sequence: known.record.sequence + 1_000_000 }
    node.statuses.set('h00000', { ...known, record })
  })
  assert.equal(broken, 19)
})

test('19: a host that falls silent about itself is noticed', () => {
  const broken = brokenBy((node) => {
    node.statusSigning = true
  })
  assert.equal(broken, 19)
})

test('19: a host whose number is no number any more is noticed', () => {
  const broken = brokenBy((node) => {
    node.sequence = Number.MAX_SAFE_INTEGER
  })
  assert.equal(broken, 19)
})

test('19: a run that nobody tampers with keeps it', () => {
  assert.equal(
    brokenBy(() => {}),
    undefined,
  )
})
