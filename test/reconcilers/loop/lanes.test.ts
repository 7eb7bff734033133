import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import type { Config } from '../../../protocol/documents/config.ts'
import { lanesMax, roundMs } from '../../../reconcilers/limits.ts'
import type { PlanStep, Reconciler } from '../../../reconcilers/reconciler.ts'
import { settle } from '../fake/clock.ts'
import { drive } from './driver.ts'

interface Step extends PlanStep {
  readonly name: string
}

type Plan = (round: number) => readonly Step[]

/** A reconciler that plans what a test says, and does what the test lets it do. */
function planning(
  plan: Plan,
  apply: (name: string) => Promise<void>,
  dueAt: (round: number) => number | null = () => null,
): { readonly reconciler: Reconciler<null, number, Step>; readonly rounds: () => number } {
  let rounds = 0
  return {
    rounds: () => rounds,
    reconciler: {
      name: 'planned',
      types: { planned: z.object({ type: z.literal('planned') }) },
      resolve: () => ({ spec: null, pending: [], faulty: [], references: {} }),
      observe: async () => ++rounds,
      judge: () => [],
      plan: (_spec, round) => plan(round),
      dueAt: (_spec, round) => dueAt(round),
      apply: ({ name }) => apply(name),
      describe: ({ name }) => name,
    },
  }
}

function configOf(...names: readonly string[]): Config {
  const objects = names.map((name) => [name, { type: 'planned' }])
  return { hosts: { cloud01: Object.fromEntries(objects) } } as unknown as Config
}

function step(object: string, name: string = object): Step {
  return { name, objects: [object], lane: object }
}

describe('lanes', () => {
  it('run side by side, each in its order, and only so many at once', async () => {
    const names = Array.from({ length: lanesMax + 2 }, (_, index) => `c${index}`)
    const steps = names.flatMap((name) => [step(name, `${name} first`), step(name, `${name} then`)])
    const running = new Map<string, () => void>()
    const done: string[] = []
    const { reconciler } = planning(
      (round) => (round === 1 ? steps : []),
      async (name) => {
        await new Promise<void>((resolve) => running.set(name, resolve))
        running.delete(name)
        done.push(name)
      },
    )
    const { adopt, states } = drive({ reconcilers: [reconciler], extraTypes: [] })
    adopt(configOf(...names))
    await settle()
    assert.deepEqual(
      [...running.keys()],
      names.slice(0, lanesMax).map((name) => `${name} first`),
    )
    running.get('c1 first')?.()
    await settle()
    assert.ok(running.has('c1 then') && !running.has('c0 then'))
    running.get('c1 then')?.()
    await settle()
    assert.ok(running.has(`c${lanesMax} first`))
    while (running.size > 0) {
      for (const end of [...running.values()]) end()
      await settle()
    }
    assert.equal(done.length, steps.length)
    for (const name of names) {
      assert.ok(done.indexOf(`${name} first`) < done.indexOf(`${name} then`))
    }
    assert.deepEqual(new Set(states()), new Set(names.map((name) => `${name}: converged`)))
  })

  it('do not hold each other back', async () => {
    const tried: string[] = []
    const { reconciler } = planning(
      (round) =>
        round === 1 ? [step('bad', 'one'), step('bad', 'two'), step('good', 'three')] : [],
      async (name) => {
        tried.push(name)
        if (name === 'one') throw new Error('it cannot be')
      },
    )
    const { adopt, states } = drive({ reconcilers: [reconciler], extraTypes: [] })
    adopt(configOf('bad', 'good'))
    await settle()
    assert.deepEqual(tried, ['one', 'three'])
    assert.deepEqual(states(), ['bad: failed: it cannot be', 'good: converged'])
  })

  it('end between two steps for a new config', async () => {
    const tried: string[] = []
    let next: (() => void) | null = null
    const { reconciler } = planning(
      (round) => (round === 1 ? [step('c', 'one'), step('c', 'two')] : []),
      async (name) => {
        tried.push(name)
        await new Promise<void>((resolve) => {
          next = resolve
        })
      },
    )
    const { adopt, states } = drive({ reconcilers: [reconciler], extraTypes: [] })
    adopt(configOf('c'))
    await settle()
    adopt(configOf('d'))
    const end: (() => void) | null = next
    assert.ok(end !== null)
    ;(end as () => void)()
    await settle()
    assert.deepEqual(tried, ['one'])
    assert.deepEqual(states(), ['d: converged'])
  })
})

describe('time', () => {
  it('brings a round where the plan changes by it alone', async () => {
    const start: { ms: number } = { ms: 0 }
    const looks = planning(
      () => [],
      async () => {},
      (round) => (round === 1 ? start.ms + 4_000 : null),
    )
    const { adopt, host } = drive({ reconcilers: [looks.reconciler], extraTypes: [] })
    start.ms = host.clock.now()
    adopt(configOf('c'))
    await settle()
    assert.equal(looks.rounds(), 1)
    await host.clock.advance(3_999)
    assert.equal(looks.rounds(), 1)
    await host.clock.advance(1)
    assert.equal(looks.rounds(), 2)
    await host.clock.advance(roundMs - 1)
    assert.equal(looks.rounds(), 2)
    await host.clock.advance(1)
    assert.equal(looks.rounds(), 3)
  })
})

describe('a step that recurs', () => {
  it('is no sign that somebody undoes it', async () => {
    for (const pace of ['recurring', 'usual'] as const) {
      const { reconciler } = planning(
        () => [{ ...step('c'), pace }],
        async () => {},
      )
      const { adopt, host, states } = drive({ reconcilers: [reconciler], extraTypes: [] })
      adopt(configOf('c'))
      await host.clock.advance(20_000)
      const wanted =
        pace === 'recurring' ? 'c: converged' : 'c: failed: does not stay as it was applied'
      assert.deepEqual(states(), [wanted])
    }
  })
})

describe('a step that is urgent', () => {
  it('does not wait for being undone, and does for failing', async () => {
    for (const fails of [false, true]) {
      let tries = 0
      const { reconciler } = planning(
        () => [{ ...step('c'), pace: 'urgent' as const }],
        async () => {
          tries++
          if (fails) throw new Error('broken')
        },
      )
      const { adopt, host, states } = drive({ reconcilers: [reconciler], extraTypes: [] })
      adopt(configOf('c'))
      await host.clock.advance(roundMs * 10)
      const reason = fails ? 'broken' : 'does not stay as it was applied'
      assert.deepEqual(states(), [`c: failed: ${reason}`])
      assert.equal(tries > 10, !fails, `${tries} tries`)
    }
  })
})
