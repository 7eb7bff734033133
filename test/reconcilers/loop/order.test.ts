import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import { retryJitter, retryMsMax, retryMsMin } from '../../../reconcilers/limits.ts'
import { createBackoff, createRandom } from '../../../reconcilers/loop/backoff.ts'
import { dependants, mergePlans, ranksOf } from '../../../reconcilers/loop/order.ts'
import type { AnyReconciler, PlanStep } from '../../../reconcilers/reconciler.ts'
import { configOf } from '../configs.ts'
import { settle } from '../fake/clock.ts'
import { drive } from './driver.ts'

const references = new Map([
  ['container', ['network']],
  ['network', ['wg']],
  ['rule', ['container', 'wg']],
])

interface NamedStep extends PlanStep {
  readonly text: string
}

function step(text: string, objects: readonly string[], takesDown = false): NamedStep {
  return takesDown ? { text, objects, takesDown: true } : { text, objects }
}

describe('the order of steps', () => {
  it('puts what is referred to first, and takes down in reverse, last', () => {
    const plans = [
      [step('link', ['wg']), step('old link', [], true)],
      [step('net', ['network']), step('run', ['container']), step('old container', [], true)],
      [step('filter', ['rule']), step('old filter', [], true)],
    ]
    const merged = mergePlans([...plans].reverse(), references)
    assert.deepEqual(
      mergePlans(plans, references).map((each) => (each.step as NamedStep).text),
      ['link', 'net', 'run', 'filter', 'old filter', 'old container', 'old link'],
    )
    assert.deepEqual(
      merged.slice(0, 4).map((each) => (each.step as NamedStep).text),
      ['link', 'net', 'run', 'filter'],
    )
  })

  it('keeps the order that a reconciler gave its own steps', () => {
    const plan = [step('late', ['rule']), step('own', ['wg']), step('leftover', [])]
    assert.deepEqual(
      mergePlans([plan], references).map((each) => (each.step as NamedStep).text),
      ['late', 'own', 'leftover'],
    )
  })

  it('ends on a circle', () => {
    const circle = new Map([
      ['a', ['b']],
      ['b', ['a']],
    ])
    assert.equal(ranksOf(circle).size, 2)
    assert.deepEqual([...dependants(['a'], circle)].sort(), ['a', 'b'])
  })

  it('finds everything that rests on something', () => {
    assert.deepEqual([...dependants(['network'], references)].sort(), [
      'container',
      'network',
      'rule',
    ])
  })
})

describe('waiting to try again', () => {
  it('is twice as long each time, up to its bound, and the same for the same seed', () => {
    const waits = (seed: number): readonly number[] => {
      const backoff = createBackoff(createRandom(seed))
      return Array.from({ length: 10 }, () => {
        backoff.fail('a', 'why', 0)
        return backoff.nextMs(0) ?? -1
      })
    }
    for (const [at, ms] of waits(1).entries()) {
      const base = Math.min(retryMsMax, retryMsMin * 2 ** at)
      assert.ok(ms >= base && ms <= base * (1 + retryJitter), `${at}: ${ms}`)
    }
    assert.deepEqual(waits(1), waits(1))
    assert.notDeepEqual(waits(1), waits(2))
  })

  it('is over at once when the clock was set back', () => {
    const backoff = createBackoff(createRandom(1))
    backoff.fail('a', 'why', 1_000_000)
    assert.equal(backoff.waits('a', 1_000_000), true)
    assert.equal(backoff.waits('a', 0), false)
  })
})

/** A reconciler of one type, whose steps may fail. */
function toy(
  type: string,
  target: string | null,
  log: string[],
  fails: Set<string>,
): AnyReconciler {
  return {
    name: type,
    types: { [type]: z.looseObject({}) },
    resolve: (config, host) => {
      const section = Object.entries(config.hosts[host] ?? {})
      const names = section.filter(([, object]) => object.type === type).map(([name]) => name)
      const pairs = target === null ? [] : names.map((name) => [name, [target]] as const)
      return { spec: names, pending: [], faulty: [], references: Object.fromEntries(pairs) }
    },
    observe: async () => log.filter((each) => each.startsWith('done ')),
    judge: () => [],
    plan: (spec, observed) =>
      (spec as string[])
        .filter((name) => !(observed as string[]).includes(`done ${name}`))
        .map((name) => ({ objects: [name] })),
    apply: async ({ objects }) => {
      const [name] = objects
      if (fails.has(String(name))) throw new Error('broken')
      log.push(`done ${name}`)
    },
    describe: ({ objects }) => objects.join(),
  }
}

describe('several reconcilers', () => {
  it('hold back what refers to a failure in another room, and go on when it is over', async () => {
    const log: string[] = []
    const fails = new Set(['base'])
    const reconcilers = [toy('upper', 'base', log, fails), toy('lower', null, log, fails)]
    const driven = drive({ reconcilers })
    const section = { top: { type: 'upper' }, base: { type: 'lower' }, other: { type: 'lower' } }
    driven.adopt(configOf({ cloud01: section }))
    await settle()
    assert.deepEqual(log, ['done other'])
    assert.deepEqual(driven.states(), [
      'top: pending: waits for base',
      'base: failed: broken',
      'other: converged',
    ])
    fails.clear()
    await driven.host.clock.advance(10_000)
    assert.deepEqual(log, ['done other', 'done base', 'done top'])
    assert.deepEqual(driven.states(), ['top: converged', 'base: converged', 'other: converged'])
    await driven.loop.stop()
  })

  it('end with the loop even while one of them hangs', async () => {
    const hang: AnyReconciler = {
      ...toy('lower', null, [], new Set()),
      apply: (_step, _host, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }
    const driven = drive({ reconcilers: [hang] })
    driven.adopt(configOf({ cloud01: { base: { type: 'lower' } } }))
    await settle()
    await driven.loop.stop()
    assert.deepEqual(driven.reports, [])
  })
})
