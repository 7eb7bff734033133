import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { Compiled } from '../../../operator/layout/compile.ts'
import { lockText, parseLock } from '../../../operator/layout/lock.ts'
import { prunedLock } from '../../../operator/layout/prune.ts'
import { sizeOf } from '../../sizes.ts'
import { filesOf, randomLayout } from './random-layout.ts'
import { sound } from './world.ts'

const runs = { numRuns: sizeOf('COVEY_LAYOUTS', 40, 1000) }

/** Objects of one stack, by host and name. */
function objectsOf({ hosts }: Compiled, stack: string): readonly string[] {
  return Object.entries(hosts).flatMap(([host, section]) =>
    Object.entries(section)
      .filter(([name]) => name.startsWith(`${stack}-`))
      .map(([name, object]) => `${host} ${name} ${JSON.stringify(object)}`),
  )
}

describe('compiling any layout', () => {
  it('gives the same bytes for the same input, and no config with a fault', async () => {
    const property = fc.asyncProperty(randomLayout, async (layout) => {
      const files = filesOf(layout)
      const first = await sound(files)
      assert.equal(JSON.stringify((await sound(files)).hosts), JSON.stringify(first.hosts))
      const read = parseLock({ file: 'cluster.lock', text: lockText(first.lock) })
      const again = await sound(files, read)
      assert.equal(JSON.stringify(again.hosts), JSON.stringify(first.hosts))
      assert.equal(lockText(again.lock), lockText(first.lock))
    })
    await fc.assert(property, runs)
  })

  it('changes nothing of other stacks when one comes, and none when it goes again', async () => {
    const property = fc.asyncProperty(randomLayout, async (layout) => {
      const [first, ...others] = [...layout.stacks]
      fc.pre(first !== undefined)
      const before = await sound(filesOf({ ...layout, stacks: new Map(others) }))
      // The ports of a stack follow from its number, so the one that comes is the last.
      const renamed = new Map([...others, ['zz', first[1]] as const])
      const after = await sound(filesOf({ ...layout, stacks: renamed }), before.lock)
      // A network that both name joins them: then the policies of both are to change.
      const isJoined = first[1].some(({ network }) => network === 'proxy')
      for (const [stack] of others) {
        if (!isJoined) assert.deepEqual(objectsOf(after, stack), objectsOf(before, stack))
      }
      const without = await sound(filesOf({ ...layout, stacks: new Map(others) }), after.lock)
      assert.deepEqual(without.hosts, before.hosts)
      const facts = [...prunedLock(without).facts.keys()]
      assert.deepEqual(
        facts.filter((key) => key.includes('zz')),
        [],
      )
    })
    await fc.assert(property, runs)
  })

  it('gives no two containers of a cluster one address', async () => {
    const property = fc.asyncProperty(randomLayout, async (layout) => {
      const { hosts } = await sound(filesOf(layout))
      const addresses = Object.values(hosts).flatMap((section) =>
        Object.values(section).flatMap((object) => object['address'] ?? []),
      )
      assert.equal(new Set(addresses).size, addresses.length)
    })
    await fc.assert(property, runs)
  })
})
