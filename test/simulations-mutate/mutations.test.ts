import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mutated } from '../../simulations/mutate/copy.ts'
import { machineMutations } from '../../simulations/mutate/lists/machine.ts'
import { mutations } from '../../simulations/mutate/lists/mutations.ts'
import { scenarios } from '../../simulations/scenarios/scenarios.ts'

const root = join(import.meta.dirname, '../..')

test('mutations: each fits the code as it is, and changes it', () => {
  for (const mutation of mutations) {
    const text = readFileSync(join(root, mutation.file), 'utf8')
    assert.notEqual(mutated(text, mutation), text, mutation.name)
  }
})

test('mutations: text that stands nowhere, or twice, is called stale', () => {
  const [mutation] = mutations
  assert.ok(mutation)
  const { find } = mutation
  assert.throws(() => mutated('nothing of it', mutation), /stale.*nowhere/)
  assert.throws(() => mutated(`${find}\n${find}`, mutation), /stale.*2 times/)
  assert.equal(mutated(`<${find}>`, mutation), `<${mutation.replace}>`)
})

test('mutations: each has a name of its own and something that exists to catch it', () => {
  const names = new Set(mutations.map((mutation) => mutation.name))
  assert.equal(names.size, mutations.length)
  const known = new Set(scenarios.map((scenario) => scenario.name))
  for (const { name, caughtBy } of mutations) {
    if ('test' in caughtBy) assert.ok(existsSync(join(root, caughtBy.test)), name)
    else assert.ok(known.has(caughtBy.scenario), `${name}: ${caughtBy.scenario}`)
  }
})

/**
 * Code for what people write and read: it does not travel between nodes, so no scenario runs it;
 * signatures are simulated (docs/decisions/0016-simulated-signatures.md).
 */
const unsimulated: readonly string[] = [
  'protocol/documents/bundle.ts',
  'protocol/documents/verify.ts',
  'protocol/documents/written-json.ts',
  'protocol/printable.ts',
]

test('mutations: there are enough of them, and the simulator catches most of what it runs', () => {
  // It runs the protocol; what is outside of it is left to tests.
  const reached = mutations.filter((mutation) => {
    const isRun = mutation.file.startsWith('protocol/') && !unsimulated.includes(mutation.file)
    return isRun && !machineMutations.includes(mutation)
  })
  const simulated = reached.filter(({ caughtBy }) => 'scenario' in caughtBy)
  assert.ok(reached.length >= 35)
  assert.ok(simulated.length >= reached.length * 0.8)
})
