import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerOrder, ContainerOrders } from '../../../reconcilers/container-orders.ts'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { describeRunc } from '../../../reconcilers/runc/describe.ts'
import { judgeContainers, runcDueAt } from '../../../reconcilers/runc/judge.ts'
import type { RuncObserved } from '../../../reconcilers/runc/observe.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import { containerObject, exited, nowMs, observedWith, onlyOf, seenFor, specOf } from './looks.ts'

const spec = specOf({ web: containerObject() })
const web = onlyOf(spec)
const { revision } = web
const hold = { owner: 'backup pgdata', reason: 'it is being backed up', atMs: nowMs }
const asked = { signal: 15, atMs: nowMs - 4_000, hadFailed: false }
const running = { state: 'running', pid: 7, startedMs: nowMs - 1_000 } as const
const absent = { state: 'absent', wasStarted: true } as const

function orderOf(kind: ContainerOrder['kind'], of: string = revision): ContainerOrders {
  return { order: { kind, revision: of, atMs: nowMs }, holds: [] }
}

const held: ContainerOrders = { order: null, holds: [{ ...hold, isDurable: false }] }

interface Look {
  readonly object?: object
  readonly seen?: Partial<ContainerSeen> | null
  readonly before?: Partial<ContainerSeen>
  readonly orders: (revision: string) => ContainerOrders
  readonly observed?: Partial<RuncObserved>
}

/** Steps and verdict for the object `web`. */
function come({ object = {}, seen = {}, before, orders, observed = {} }: Look): {
  readonly steps: readonly string[]
  readonly says: string | null
  readonly dueAtMs: number | null
} {
  const all = specOf({ web: containerObject(object) })
  const only = onlyOf(all)
  const earlier = onlyOf(specOf({ web: containerObject({ ...object, env: { OLD: '1' } }) }))
  const now = seen === null ? [] : [seenFor(only, seen)]
  const old = before === undefined ? [] : [seenFor(earlier, before)]
  const known = new Map([['web', orders(only.revision)]])
  const looked = observedWith([...now, ...old], { orders: known, ...observed })
  const named = (text: string): string =>
    text.replaceAll(only.id, 'NEW').replaceAll(earlier.id, 'OLD')
  const [verdict] = judgeContainers(all, looked)
  return {
    steps: planRunc(all, looked).map((step) => named(describeRunc(step))),
    says: verdict === undefined ? null : `${verdict.state}: ${verdict.reason}`,
    dueAtMs: runcDueAt(all, looked),
  }
}

const byHand = 'converged: stopped by hand: covey start web'
const stop = (of: string): ContainerOrders => orderOf('stop', of)
const restart = (of: string): ContainerOrders => orderOf('restart', of)
const run = (of: string): ContainerOrders => orderOf('run', of)

describe('a container that a person stopped', () => {
  const stopping = 'pending: is being stopped: covey stop'

  it('is asked to stop, killed after its grace, and stays as it is then', () => {
    const first = come({ orders: stop })
    assert.deepEqual(first, { steps: ['stop NEW: covey stop'], says: stopping, dueAtMs: null })
    const waiting = come({ seen: { stopping: asked }, orders: stop })
    assert.deepEqual(waiting.steps, [])
    assert.equal(waiting.dueAtMs, nowMs + 6_000)
    const late = { ...asked, atMs: nowMs - 10_000 }
    const { steps } = come({ seen: { stopping: late }, orders: stop })
    assert.deepEqual(steps, ['kill NEW: it did not stop in time'])
    const ended = come({ seen: { process: exited(143), stopping: asked }, orders: stop })
    assert.deepEqual(ended, { steps: ['record how NEW ended'], says: byHand, dueAtMs: null })
  })

  it('is not started by what starts others: a boot, its policy, its image', () => {
    const boot = come({ seen: { process: absent, isPrepared: false }, orders: stop })
    assert.deepEqual([boot.steps, boot.says], [[], byHand])
    const crashed = { process: exited(1), count: { restarts: 5, streak: 5 } }
    assert.deepEqual(come({ seen: crashed, orders: stop }), {
      ...{ steps: ['record how NEW ended'], says: byHand, dueAtMs: null },
    })
    const images = new Map()
    const unmade = come({ seen: null, orders: stop, observed: { images } })
    assert.deepEqual([unmade.steps, unmade.says], [[], byHand])
  })

  it('takes the one before along, and lets nothing take its place', () => {
    const { steps } = come({ seen: null, before: {}, orders: stop })
    assert.deepEqual(steps, ['stop OLD: covey stop'])
    const ended = come({ seen: null, before: { process: exited(0) }, orders: stop })
    assert.deepEqual([ended.steps, ended.says], [['record how OLD ended'], byHand])
  })

  it('is started by a new revision, and the order is forgotten', () => {
    const { steps, says } = come({ seen: null, before: {}, orders: () => stop('another') })
    assert.deepEqual(steps, ['create NEW', 'stop OLD, start NEW', 'forget that web was to stop'])
    assert.equal(says, 'pending: about to be created; the previous container keeps running')
  })

  it('is told where it cannot be killed', () => {
    const stuck = { ...asked, signal: 9, atMs: nowMs - 20_000 }
    const { says } = come({ seen: { stopping: stuck }, orders: stop })
    assert.equal(says, 'failed: process 100 is still running after SIGKILL')
  })

  it('is forgotten with its object', () => {
    const orders = new Map([['gone', stop('any')]])
    const steps = planRunc(specOf({}), observedWith([], { orders }))
    assert.deepEqual(steps.map(describeRunc), ['forget that gone was to stop'])
    assert.deepEqual(
      steps.map(({ objects, about }) => [objects, about]),
      [[[], 'gone']],
    )
  })

  it('stays so while its object is faulty, and runs again', () => {
    const faulty = specOf({ web: containerObject({ image: 'no digest' }) })
    const plan = (seen: Partial<ContainerSeen>, order: ContainerOrders): readonly string[] => {
      const looked = observedWith([seenFor(web, seen)], { orders: new Map([['web', order]]) })
      return planRunc(faulty, looked).map((step) => describeRunc(step).replace(web.id, 'it'))
    }
    assert.deepEqual(plan({}, stop(revision)), ['stop it: covey stop'])
    const end = exited(143)
    const ended = { ...end, isKept: true } as ContainerSeen['process']
    assert.deepEqual(plan({ process: ended }, stop(revision)), [])
    const again = ['create it again', 'forget that web was to run', 'start it']
    assert.deepEqual(plan({ process: ended }, run(revision)), again)
  })
})

describe('a container that a person starts', () => {
  const begin = ['create NEW again', 'forget that web was to run', 'start NEW']

  it('is started at once, whatever its policy and however often it failed', () => {
    const crashed = { process: exited(1), count: { restarts: 5, streak: 5 } }
    const soon = 'pending: about to start'
    assert.deepEqual(come({ seen: crashed, orders: run }).steps, begin)
    assert.equal(come({ seen: crashed, orders: run }).says, soon)
    for (const code of [0, 1]) {
      const once = { object: { restart: 'never' }, seen: { process: exited(code) } }
      assert.deepEqual(come({ ...once, orders: run }).steps, begin)
    }
    const booted = { process: absent, isPrepared: false }
    const made = come({ object: { restart: 'never' }, seen: booted, orders: run })
    assert.deepEqual(made.steps, ['create NEW', 'forget that web was to run', 'start NEW'])
  })

  it('counts as started for the first time in a row', () => {
    const crashed = { process: exited(1), count: { restarts: 5, streak: 5 } }
    const looked = observedWith([seenFor(web, crashed)], {
      orders: new Map([['web', run(revision)]]),
    })
    const start = planRunc(spec, looked).find(({ kind }) => kind === 'start')
    assert.ok(start?.kind === 'start')
    assert.deepEqual(start.count, { restarts: 6, streak: 0 })
  })

  it('is left as it is where it runs, and the order is over', () => {
    assert.deepEqual(come({ orders: run }).steps, ['forget that web was to run'])
  })

  it('ends first where it is still ending', () => {
    assert.deepEqual(come({ seen: { process: running, stopping: asked }, orders: run }).steps, [])
  })

  it('waits for its image, and is to run until that is there', () => {
    const images = new Map()
    const { steps } = come({ seen: null, orders: run, observed: { images } })
    assert.deepEqual(steps.length, 1)
    assert.match(steps[0] ?? '', /^pull /)
  })
})

describe('a container that a person restarts', () => {
  it('is stopped, and started once nothing of it runs', () => {
    assert.deepEqual(come({ orders: restart }).steps, ['stop NEW: covey restart'])
    assert.equal(come({ orders: restart }).says, 'pending: is being restarted')
    const ended = { process: exited(0), stopping: asked }
    assert.deepEqual(come({ seen: ended, orders: restart }).steps, [
      ...['create NEW again', 'forget that web was to restart', 'start NEW'],
    ])
  })

  it('is stopped again where it was made and the agent ended before it let it run', () => {
    const made = { process: { state: 'created', pid: 7 } } as const
    assert.deepEqual(come({ seen: made, orders: restart }).steps, ['kill NEW: covey restart'])
  })
})

describe('a container that is held', () => {
  it('stops for whoever holds it, of any revision, and says why', () => {
    const first = come({ seen: null, before: {}, orders: () => held })
    assert.deepEqual(first.steps, ['stop OLD: backup pgdata: it is being backed up'])
    const says = 'pending: stopped for now: it is being backed up (backup pgdata)'
    assert.equal(first.says, says)
    const ended = come({ seen: { process: exited(0), stopping: asked }, orders: () => held })
    assert.deepEqual([ended.steps, ended.says], [['record how NEW ended'], says])
  })

  it('runs again afterwards, but for what had ended by itself', () => {
    const free = (): ContainerOrders => ({ order: null, holds: [] })
    const again = come({ seen: { process: exited(143), stopping: asked }, orders: free })
    assert.deepEqual(again.steps, ['create NEW again', 'start NEW'])
    const done = { object: { restart: 'never' }, seen: { process: exited(0) }, orders: free }
    assert.deepEqual(come(done).steps, ['record how NEW ended'])
  })

  it('stays stopped where somebody stopped it meanwhile', () => {
    const both = (of: string): ContainerOrders => ({ ...stop(of), holds: held.holds })
    assert.match(come({ seen: { process: absent }, orders: both }).says ?? '', /backup pgdata/)
  })
})

describe('who waits for a container that was stopped', () => {
  it('says who stopped it', () => {
    const waiting = specOf({
      db: containerObject({ address: '10.70.0.6' }),
      web: containerObject({ after: [{ container: 'db', condition: 'started' }] }),
    })
    const db = waiting.containers.find(({ object }) => object === 'db')
    assert.ok(db)
    const seen = seenFor(db, { process: { state: 'absent', wasStarted: false } })
    const orders = new Map([['db', stop(db.revision)]])
    const looked = observedWith([seen], { orders })
    assert.deepEqual(planRunc(waiting, looked), [])
    const said = judgeContainers(waiting, looked).map(({ object, state, reason }) => {
      return `${object} ${state}: ${reason}`
    })
    assert.deepEqual(said, [
      'db converged: stopped by hand: covey start db',
      'web pending: waits for db to start; db is stopped by hand: covey start db',
    ])
  })
})
