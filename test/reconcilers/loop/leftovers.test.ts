import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import type { Config } from '../../../protocol/documents/config.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { leftoversShownMax, removalRetriesMax, settleMs } from '../../../reconcilers/limits.ts'
import type { Log, PlanStep, Reconciler } from '../../../reconcilers/reconciler.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { settle } from '../fake/clock.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import { configOf, containerObject, imageReference } from '../runc/looks.ts'
import { drive, quietLog } from './driver.ts'

/** Plans to take `names` down in each round, which never succeeds. */
function stuck(names: readonly string[]): {
  readonly reconciler: Reconciler<null, null, PlanStep & { readonly name: string }>
  readonly tried: string[]
  /** The number that were tried in each round. */
  readonly byRound: number[]
} {
  const tried: string[] = []
  const byRound: number[] = []
  return {
    tried,
    byRound,
    reconciler: {
      name: 'planned',
      types: { planned: z.object({ type: z.literal('planned') }) },
      resolve: () => ({ spec: null, pending: [], faulty: [], references: {} }),
      async observe() {
        byRound.push(0)
        return null
      },
      judge: () => [],
      plan: () =>
        names.map((name) => ({ name, about: name, objects: [], takesDown: true, lane: name })),
      async apply({ name }) {
        tried.push(name)
        byRound.push((byRound.pop() ?? 0) + 1)
        throw new Error('it is in use')
      },
      describe: ({ name }) => `remove ${name}`,
    },
  }
}

const own = { hosts: { cloud01: { a: { type: 'planned' } } } } as unknown as Config

/** A log that keeps the messages of warnings. */
function warnings(): { readonly log: Log; readonly said: string[] } {
  const said: string[] = []
  return { said, log: { ...quietLog, warn: (_fields, message) => void said.push(message) } }
}

describe('a removal that does not succeed', () => {
  it('is shown, is said once, and is tried more and more seldom', async () => {
    const { reconciler, tried } = stuck(['web'])
    const { log, said } = warnings()
    const driven = drive({ reconcilers: [reconciler], log })
    driven.adopt(own)
    await settle()
    assert.deepEqual(driven.states(), ['a: converged', 'web: failed: it is in use'])
    assert.equal(driven.reports.at(-1)?.objects.at(-1)?.type, 'leftover')
    await driven.host.clock.advance(600_000)
    assert.ok(tried.length > 3 && tried.length < 25, `${tried.length} tries in ten minutes`)
    assert.deepEqual(said, ['remove web'])
    assert.deepEqual(driven.states(), ['a: converged', 'web: failed: it is in use'])
    await driven.loop.stop()
  })

  it('takes little of a round where many of them fail', async () => {
    const names = Array.from({ length: leftoversShownMax + 5 }, (_, index) => `c${index}`)
    const { reconciler, byRound } = stuck(names)
    const driven = drive({ reconcilers: [reconciler] })
    driven.adopt(own)
    await settle()
    assert.deepEqual(byRound, [names.length])
    const shown = driven.states()
    assert.equal(shown.length, 1 + leftoversShownMax)
    assert.equal(shown.at(-1), `c${leftoversShownMax - 1}: failed: it is in use; and 5 more`)
    // The others wait for a later round, so that each is over soon.
    await driven.host.clock.advance(20 * settleMs)
    assert.ok(byRound.length > names.length / removalRetriesMax)
    assert.equal(Math.max(...byRound.slice(1)), removalRetriesMax)
    await driven.loop.stop()
  })

  it('leaves no container that does not run in sync', async () => {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    const remove = async (): Promise<void> => {}
    const id = 'covey-web-ffffffffffff'
    host.containers.all.set(id, {
      ...{ record: null, process: { state: 'absent', wasStarted: true }, broken: null },
      ...{ stopping: null, count: { restarts: 0, streak: 0 }, lastExit: null, isPrepared: false },
      ...{ health: null, hosts: null, resolvConf: null, creation: null },
    })
    const ports = { ...host.ports, containers: { ...host.ports.containers, remove } }
    const driven = drive({ reconcilers: [containerNetwork, runc], ports }, host)
    driven.adopt(configOf({ web: containerObject() }), 'h')
    await settle()
    assert.match(driven.states().join(), /web: pending: about to be created/)
    await driven.host.clock.advance(60_000)
    assert.match(driven.states().join(), /web: failed: does not stay as it was applied/)
    await driven.loop.stop()
  })
})
