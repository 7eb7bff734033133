import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { describeRunc } from '../../../reconcilers/runc/describe.ts'
import { judgeContainers, runcDueAt } from '../../../reconcilers/runc/judge.ts'
import type { RuncObserved } from '../../../reconcilers/runc/observe.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import { containerObject, exited, nowMs, observedWith, onlyOf, seenFor, specOf } from './looks.ts'
import { ailing } from './plan-ailing-cases.ts'
import { type Case, ending, going, making, replacing, stopping } from './plan-cases.ts'
import { mapping } from './plan-mapped-cases.ts'

function check({ object = {}, seen = {}, before, observed = {}, ...wanted }: Case): void {
  const spec = specOf({ web: containerObject(object) })
  const only = onlyOf(spec)
  const earlier = onlyOf(specOf({ web: containerObject({ ...object, env: { OLD: '1' } }) }))
  const now = seen === null ? [] : [seenFor(only, seen)]
  const old = before === undefined ? [] : [seenFor(earlier, before)]
  const looked = observedWith([...now, ...old], observed)
  const named = (text: string): string =>
    text.replaceAll(seenFor(only).id, 'NEW').replaceAll(seenFor(earlier).id, 'OLD')
  assert.deepEqual(
    planRunc(spec, looked).map((step) => named(describeRunc(step))),
    wanted.steps,
  )
  const [verdict] = judgeContainers(spec, looked)
  if (wanted.says !== undefined) {
    const said = verdict === undefined ? null : `${verdict.state}: ${verdict.reason}`
    assert.equal(said, wanted.says)
  }
  const dueAtMs = runcDueAt(spec, looked)
  assert.equal(dueAtMs === null ? undefined : dueAtMs - nowMs, wanted.dueMs)
}

for (const [name, cases] of Object.entries({ making, mapping, ending, going, ailing, replacing })) {
  describe(`containers, ${name}`, () => {
    for (const each of cases) it(each.name, () => check(each))
  })
}

describe('containers that no object wants', () => {
  const spec = specOf({})
  const other = onlyOf(specOf({ web: containerObject() }))
  const plan = (seen: Partial<ContainerSeen>): readonly string[] => {
    const steps = planRunc(spec, observedWith([seenFor(other, seen)]))
    for (const step of steps) assert.ok(step.takesDown)
    return steps.map((step) => describeRunc(step).replace(/covey-web-\w+/, 'it'))
  }

  it('are stopped, killed after their own grace, and removed', () => {
    assert.deepEqual(plan({}), ['stop it: no object wants it'])
    assert.deepEqual(plan({ stopping }), [])
    assert.deepEqual(plan({ stopping: { ...stopping, atMs: nowMs - 10_000 } }), [
      'kill it: it did not stop in time',
    ])
    assert.deepEqual(plan({ process: exited(0), stopping }), ['remove it'])
    assert.deepEqual(plan({ process: { state: 'absent', wasStarted: false } }), ['remove it'])
    assert.deepEqual(plan({ record: null }), ['kill it: no object wants it'])
  })
})

describe('a faulty object', () => {
  const other = onlyOf(specOf({ web: containerObject() }))
  const faulty = specOf({ web: containerObject({ image: 'no digest' }) })
  const plan = (seen: Partial<ContainerSeen>): readonly string[] =>
    planRunc(faulty, observedWith([seenFor(other, seen)])).map((step) =>
      describeRunc(step).replace(/covey-web-\w+/, 'it'),
    )

  it('keeps its container, by the policy that it had', () => {
    assert.deepEqual(faulty.kept, ['web'])
    assert.deepEqual(plan({}), [])
    assert.deepEqual(plan({ process: exited(1) }), ['create it again', 'start it'])
    assert.deepEqual(plan({ process: exited(1), isPrepared: false }), [])
    assert.deepEqual(plan({ broken: 'gone' }), ['stop it: gone'])
  })
})

describe('what changes without another container', () => {
  it('is remembered', () => {
    const old = onlyOf(specOf({ web: containerObject() }))
    const spec = specOf({ web: containerObject({ restart: 'never', stop_grace_seconds: 3 }) })
    const [step, ...more] = planRunc(spec, observedWith([seenFor(old)]))
    assert.deepEqual(more, [])
    assert.ok(step?.kind === 'remember')
    assert.deepEqual(step.record.policy, {
      ...{ restart: 'never', stopGraceMs: 3_000, health: null, labels: {} },
    })
  })

  it('are the names of the cluster, written once for all that run', () => {
    const spec = specOf({ web: containerObject() })
    const only = onlyOf(spec)
    const [step, ...more] = planRunc(spec, observedWith([seenFor(only, { hosts: 'old' })]))
    assert.deepEqual(more, [])
    assert.ok(step?.kind === 'hosts')
    assert.deepEqual([step.ids, step.text], [[seenFor(only).id], spec.hosts])
    assert.deepEqual(planRunc(spec, observedWith([seenFor(only, { hosts: spec.hosts })])), [])
  })
})

describe('volumes', () => {
  const volume = (onRemove: string): object => ({ type: 'volume', on_remove: onRemove })
  const plan = (objects: Readonly<Record<string, object>>, observed: Partial<RuncObserved>) =>
    planRunc(specOf(objects), observedWith([], observed)).map(describeRunc)

  it('are removed only where they asked for it while they were there', () => {
    const asks = plan({ data: volume('delete') }, {})
    assert.deepEqual(asks, ['record on_remove of the volumes'])
    const memory = new Map([
      ['data', 'delete'],
      ['rest', 'keep'],
    ] as const)
    const volumes = ['data', 'rest', 'unknown']
    assert.deepEqual(
      plan({ data: volume('delete'), rest: volume('keep') }, { memory, volumes }),
      [],
    )
    assert.deepEqual(plan({}, { memory, volumes }), [
      'record on_remove of the volumes',
      'remove volume data',
    ])
  })

  it('stay as long as a container of before uses them', () => {
    const user = onlyOf(specOf({ web: containerObject() }))
    const seen = seenFor(user, { stopping })
    const record = seen.record && { ...seen.record, volumes: ['data'] }
    const memory = new Map([['data', 'delete']] as const)
    const looked = observedWith([{ ...seen, record }], { memory, volumes: ['data'] })
    assert.deepEqual(planRunc(specOf({}), looked), [])
  })

  it('stay as long as there is a container of which nobody knows what it uses', () => {
    const user = onlyOf(specOf({ web: containerObject() }))
    const memory = new Map([['data', 'delete']] as const)
    const seen = seenFor(user, { record: null, stopping })
    const looked = observedWith([seen], { memory, volumes: ['data'] })
    const kinds = planRunc(specOf({}), looked).map(({ kind }) => kind)
    assert.equal(kinds.includes('remove-volume'), false)
  })
})
