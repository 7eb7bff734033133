import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import { guard } from '../../../agent/plugins/guard.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import type { AnyReconciler } from '../../../reconcilers/reconciler.ts'
import { configOf } from '../../reconcilers/configs.ts'
import { drive } from '../../reconcilers/loop/driver.ts'

const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 20))

const limits = { lookMs: 40, stepMs: 40 }

/** A reconciler of `thing`, whose members may be anything, as those of JavaScript are. */
function plugin(type: string, more: object = {}): AnyReconciler {
  const sound: AnyReconciler = {
    name: type,
    types: { [type]: z.looseObject({}) },
    resolve: () => ({ spec: null, pending: [], faulty: [], references: {} }),
    observe: async () => null,
    judge: () => [],
    plan: () => [],
    apply: async () => {},
    describe: () => 'nothing',
  }
  return Object.assign(sound, more)
}

const aThing = { plan: () => [{ objects: ['thing'] }] }
const throwsText = (): never => {
  throw 'a word\nand another'
}

/** Faults of a package, with the reason that its object then has. */
const wrongs: readonly (readonly [string, object, RegExp])[] = [
  ['resolve answers nothing', { resolve: () => undefined }, /failed: .*its resolve does not match/],
  ['resolve leaves members out', { resolve: () => ({ spec: 1 }) }, /failed: .*resolve\.pending/],
  ['observe throws no error', { observe: throwsText }, /failed: it threw a word$/],
  ['judge answers nothing', { judge: () => undefined }, /failed: its judge does not match/],
  ['judge answers null', { judge: () => [null] }, /failed: its judge\.0 does not match/],
  ['judge knows another state', { judge: () => [{ object: 'thing', state: 'fine' }] }, /judge\.0/],
  ['judge talks', { judge: judgeAtLength }, /failed: x{300}$/],
  ['plan answers nothing', { plan: () => undefined }, /failed: its plan does not match/],
  ['a step names no objects', { plan: () => [{}] }, /failed: its plan\.0\.objects does not match/],
  ['a step has another pace', { plan: () => [{ objects: [], pace: 'soon' }] }, /plan\.0\.pace/],
  [
    "a step protects another's object",
    { plan: () => [{ objects: ['thing'], protects: ['other'] }] },
    /for other, which/,
  ],
  ["a step is for another's object", { plan: () => [{ objects: ['other'] }] }, /for other, which/],
  ['dueAt answers no time', { dueAt: () => Number.NaN }, /failed: its dueAt does not match/],
  ['apply throws nothing', { ...aThing, apply: () => Promise.reject(null) }, /it threw null$/],
  ['observe hangs', { observe: () => new Promise(() => {}) }, /not returned from observe/],
  ['apply hangs', { ...aThing, apply: () => new Promise(() => {}) }, /not returned from apply/],
]

function judgeAtLength(): unknown {
  return [{ object: 'thing', state: 'failed', reason: `${'x'.repeat(5000)}\ny` }]
}

async function until(holds: () => boolean): Promise<void> {
  for (let times = 0; !holds(); times++) {
    assert.ok(times < 500, 'it never came to that')
    await settle()
  }
}

describe('a package that is not as it should be', () => {
  it('is looked at again after its steps where it asks for that', () => {
    assert.equal(guard(plugin('thing', { judgesAfter: true })).judgesAfter, true)
    assert.equal(guard(plugin('thing')).judgesAfter, undefined)
  })

  it('says all that a verdict may say', () => {
    const verdicts = [
      { object: 'thing', state: 'converged', reason: 'runs, and that is all' },
      { object: 'thing', state: 'pending', reason: 'about to start', untilActed: true },
    ]
    const guarded = guard(plugin('thing', { judge: () => verdicts }))
    const { spec } = guarded.resolve(configOf({ cloud01: { thing: { type: 'thing' } } }), 'cloud01')
    assert.deepEqual(guarded.judge(spec, null), verdicts)
  })

  const config = configOf({ cloud01: { thing: { type: 'thing' }, other: { type: 'other' } } })
  for (const [what, more, reason] of wrongs) {
    it(`fails its own objects only: ${what}`, async () => {
      let applied = 0
      const apply = async (): Promise<void> => void applied++
      const steps = (): object[] => (applied === 0 ? [{ objects: ['other'] }] : [])
      const sound = plugin('other', { apply, plan: steps })
      const driven = drive({ reconcilers: [guard(plugin('thing', more), limits), sound] })
      driven.adopt(config)
      await until(() => driven.reports.length > 0)
      assert.equal(applied, 1)
      const [thing = '', other] = driven.states()
      assert.match(thing, reason)
      assert.equal(other, 'other: converged')
      await driven.loop.stop()
    })
  }

  it('cannot take objects of others, nor change the config for them', async () => {
    const seen: unknown[] = []
    const greedy = plugin('thing', {
      resolve: (given: { hosts: Record<string, unknown> }) => {
        delete given.hosts['cloud01']
        const faulty = [{ object: 'other', fault: { code: 'x', message: 'taken' } }]
        const pending = [{ object: 'other', reason: 'taken' }]
        return { spec: null, pending, faulty, references: { other: ['thing'] } }
      },
      judge: () => [{ object: 'other', state: 'failed', reason: 'taken' }],
    })
    const sound = plugin('other', {
      resolve: (given: { hosts: Record<string, unknown> }) => {
        seen.push(...Object.keys(given.hosts))
        return { spec: null, pending: [], faulty: [], references: {} }
      },
    })
    const driven = drive({ reconcilers: [guard(greedy, limits), sound] })
    driven.adopt(config)
    await until(() => driven.reports.length > 0)
    assert.deepEqual(seen, ['cloud01'])
    assert.deepEqual(driven.states(), ['thing: converged', 'other: converged'])
    await driven.loop.stop()
  })

  it('is stepped through also where it cannot say what it does', async () => {
    const describe = (): never => throwsText()
    const guarded = guard(plugin('thing', { describe }), limits)
    assert.equal(guarded.describe({ objects: ['thing'] }), 'a step of thing for thing')
  })

  it('is left alone until the call that hangs has ended, and ends with the agent', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let calls = 0
    const hangs = plugin('thing', {
      observe: () => {
        calls++
        return promise
      },
    })
    const guarded = guard(hangs, limits)
    const never = new AbortController()
    const look = (): Promise<unknown> =>
      guarded.observe({ spec: null }, drive().host.ports, never.signal)
    await assert.rejects(look, CoveyError)
    await assert.rejects(look, /has not returned/)
    assert.equal(calls, 1)
    resolve()
    await settle()
    await look()
    assert.equal(calls, 2)

    const stopping = new AbortController()
    const waits = guard(plugin('thing', { observe: () => new Promise(() => {}) }))
    const given = waits.observe({ spec: null }, drive().host.ports, stopping.signal)
    stopping.abort(new Error('the agent ends'))
    await assert.rejects(given, /the agent ends/)
  })

  it('gives a package no keys, secrets, images or containers', async () => {
    const got: string[][] = []
    const note = async (_what: unknown, host: object): Promise<void> => {
      got.push(Object.keys(host).sort())
    }
    const noting = plugin('thing', { ...aThing, observe: note, apply: note })
    const driven = drive({ reconcilers: [guard(noting, limits)] })
    driven.adopt(configOf({ cloud01: { thing: { type: 'thing' } } }))
    await settle()
    await driven.loop.stop()
    const common = ['clock', 'files', 'resolveName', 'run']
    assert.ok(got.length >= 2)
    for (const ports of got) assert.deepEqual(ports, common)
  })
})
