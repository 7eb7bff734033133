import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import type { ImageState } from '../../../reconcilers/host-images.ts'
import { describeRunc } from '../../../reconcilers/runc/describe.ts'
import { judgeContainers, runcDueAt } from '../../../reconcilers/runc/judge.ts'
import type { RuncObserved } from '../../../reconcilers/runc/observe.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import {
  containerObject,
  exited,
  imageReference,
  nowMs,
  observedWith,
  onlyOf,
  seenFor,
  specOf,
} from './looks.ts'

interface Case {
  readonly name: string
  /** Members of the object `web`. */
  readonly object?: object
  /** What is seen of its container; null for none. */
  readonly seen?: Partial<ContainerSeen> | null
  /** What is seen of a container of an earlier revision of it. */
  readonly before?: Partial<ContainerSeen>
  readonly observed?: Partial<RuncObserved>
  readonly steps: readonly string[]
  /** `state: reason`, or null for nothing to say. */
  readonly says?: string | null
  /** Time until a look is due, in ms. */
  readonly dueMs?: number
}

const health = { tcp: { port: 80 } }
const running = { state: 'running', pid: 7, startedMs: nowMs - 1_000 } as const
const stopping = { signal: 15, atMs: nowMs - 4_000, hadFailed: false }
const killed = { signal: 9, atMs: nowMs - 1_000, hadFailed: false }
const images = (state: ImageState): Partial<RuncObserved> => ({
  images: new Map([[imageReference, state]]),
})
const progress = 'layer 2 of 5, 31 of 70 MB'
const never = { restart: 'never' }
const onFailure = { restart: 'on-failure' }

const making: readonly Case[] = [
  { name: 'a new one', seen: null, steps: ['create NEW', 'start NEW'], says: null },
  {
    name: 'a new one without its image',
    seen: null,
    observed: images({ state: 'absent' }),
    steps: [`pull ${imageReference}`],
    says: 'pending: its image is to be pulled',
  },
  {
    name: 'a new one whose image is pulled',
    seen: null,
    observed: images({ state: 'pulling', progress }),
    steps: [],
    says: `pending: pulling its image: ${progress}`,
  },
  {
    name: 'a new one whose image cannot be had yet',
    seen: null,
    observed: images({ state: 'failed', reason: 'no such image', retryAtMs: nowMs + 5_000 }),
    steps: [],
    says: 'failed: no such image',
    dueMs: 5_000,
  },
  {
    name: 'a new one whose image is tried for again',
    seen: null,
    observed: images({ state: 'failed', reason: 'no such image', retryAtMs: nowMs }),
    steps: [`pull ${imageReference}`],
    says: 'failed: no such image',
  },
  {
    name: 'one that waits to be started',
    seen: { process: { state: 'created', pid: 7 } },
    steps: ['start NEW'],
  },
  {
    name: 'one that waits and has lost its supervisor',
    seen: { process: { state: 'created', pid: 7 }, broken: 'gone' },
    steps: ['kill NEW: gone'],
  },
  {
    name: 'one that ran before the host booted',
    seen: { process: { state: 'absent', wasStarted: true }, isPrepared: false },
    steps: ['create NEW', 'start NEW'],
  },
  {
    name: 'one that must run once and was cut off',
    object: never,
    seen: { process: { state: 'absent', wasStarted: true }, isPrepared: false },
    steps: [],
    says: 'failed: was cut off when the host restarted, and restart is never',
  },
]

const ending: readonly Case[] = [
  {
    name: 'a first end',
    seen: { process: exited(1) },
    steps: ['create NEW again', 'start NEW'],
    says: 'pending: exit code 1, starts again',
  },
  {
    name: 'an end in a host that has booted since',
    seen: { process: exited(1), isPrepared: false },
    steps: ['create NEW', 'start NEW'],
  },
  {
    name: 'a second end in a row',
    seen: { process: exited(1), count: { restarts: 1, streak: 1 } },
    steps: [],
    says: 'pending: exit code 1, next try in 1 s',
    dueMs: 900,
  },
  {
    name: 'a crash loop',
    seen: {
      process: exited(137, { lastLine: 'listen: address in use' }),
      count: { restarts: 5, streak: 5 },
    },
    steps: [],
    says: 'failed: crash loop: exit code 137 (SIGKILL), 5 restarts, next try in 16 s; it last said: listen: address in use',
    dueMs: 15_900,
  },
  {
    name: 'a crash loop whose wait is over',
    seen: { process: exited(1, { agoMs: 60_000 }), count: { restarts: 50, streak: 50 } },
    steps: ['create NEW again', 'start NEW'],
  },
  {
    name: 'an end after a sound stretch',
    seen: { process: exited(1, { ranMs: 120_000 }), count: { restarts: 50, streak: 50 } },
    steps: ['create NEW again', 'start NEW'],
  },
  {
    name: 'an end in the future, by a clock that was set back',
    seen: { process: exited(1, { agoMs: -3_600_000 }), count: { restarts: 50, streak: 50 } },
    steps: ['create NEW again', 'start NEW'],
  },
  {
    name: 'one that ran out of memory',
    seen: { process: exited(137, { oom: true }), count: { restarts: 2, streak: 2 } },
    steps: [],
    says: 'failed: crash loop: ran out of memory (resources.memory_bytes), 2 restarts, next try in 2 s',
    dueMs: 1_900,
  },
  {
    name: 'a job that is done',
    object: onFailure,
    seen: { process: exited(0) },
    steps: ['keep how NEW ended'],
    says: null,
  },
  {
    name: 'a job that failed',
    object: onFailure,
    seen: { process: exited(2) },
    steps: ['create NEW again', 'start NEW'],
  },
  {
    name: 'a job that must run once and failed',
    object: never,
    seen: { process: exited(2, { lastLine: 'no such file' }) },
    steps: ['keep how NEW ended'],
    says: 'failed: exit code 2; it last said: no such file; restart is never',
  },
  {
    name: 'a job whose end is kept',
    object: never,
    seen: { process: { ...exited(0), isKept: true } as ContainerSeen['process'] },
    steps: [],
    says: null,
  },
  {
    name: 'a job that was stopped here and is wanted again',
    object: onFailure,
    seen: { process: exited(0), stopping },
    steps: ['create NEW again', 'start NEW'],
  },
]

const going: readonly Case[] = [
  { name: 'one that runs', seen: {}, steps: [], says: null },
  {
    name: 'one that has lost its supervisor',
    seen: { broken: 'conmon is gone' },
    steps: ['stop NEW: conmon is gone'],
    says: 'pending: conmon is gone; it starts anew',
  },
  {
    name: 'one that must run once and has lost its supervisor',
    object: never,
    seen: { broken: 'conmon is gone' },
    steps: [],
    says: 'failed: conmon is gone; it goes on to its end, as restart is never',
  },
  {
    name: 'one that was asked to stop',
    seen: { stopping },
    steps: [],
    says: 'pending: waits for process 100 to stop',
    dueMs: 6_000,
  },
  {
    name: 'one whose grace is over',
    object: { stop_grace_seconds: 4 },
    seen: { stopping },
    steps: ['kill NEW: it did not stop in time'],
  },
  {
    name: 'one that SIGKILL does not end',
    seen: { stopping: { ...killed, atMs: nowMs - 10_000 } },
    steps: ['kill NEW: it did not stop in time'],
    says: 'failed: process 100 does not end, also after SIGKILL',
  },
  {
    name: 'one without grace that is broken',
    object: { stop_grace_seconds: 0 },
    seen: { broken: 'gone' },
    steps: ['kill NEW: gone'],
  },
  {
    name: 'one that starts',
    object: { health },
    seen: { health: { state: 'starting', failures: 1, reason: 'refused' } },
    steps: [],
    says: 'pending: starting: its health check has not passed yet',
  },
  {
    name: 'an unhealthy one',
    object: { health },
    seen: { health: { state: 'unhealthy', failures: 3, reason: 'port 80 refuses connections' } },
    steps: ['stop NEW: it is unhealthy'],
    says: 'failed: unhealthy: port 80 refuses connections',
  },
  {
    name: 'an unhealthy one that is not to be started again',
    object: { health, ...onFailure },
    seen: { health: { state: 'unhealthy', failures: 3, reason: null } },
    steps: [],
    says: 'failed: unhealthy: its check fails',
  },
  {
    name: 'one that runs again after crashes',
    seen: {
      process: running,
      count: { restarts: 4, streak: 4 },
      lastExit: { exitCode: 1, oom: false, startedMs: 0, exitedMs: 0, lastLine: null },
    },
    steps: [],
    says: 'failed: crash loop: exit code 1, 4 restarts, it runs again',
    dueMs: 9_000,
  },
]

const replacing: readonly Case[] = [
  {
    name: 'another revision',
    seen: null,
    before: {},
    steps: ['create NEW', 'stop OLD, start NEW'],
    says: null,
  },
  {
    name: 'another revision whose image is pulled',
    seen: null,
    before: {},
    observed: images({ state: 'pulling', progress }),
    steps: [],
    says: `pending: pulling its image: ${progress}; the container before it goes on`,
  },
  {
    name: 'another revision beside one that is stopping',
    seen: { process: { state: 'created', pid: 7 } },
    before: { stopping },
    steps: [],
    says: 'pending: waits for process 100 to stop',
    dueMs: 6_000,
  },
  {
    name: 'another revision beside one that has ended',
    seen: { process: { state: 'created', pid: 7 } },
    before: { process: exited(0), stopping },
    steps: ['start NEW', 'remove OLD'],
  },
  {
    name: 'another revision that runs',
    seen: {},
    before: {},
    steps: ['stop OLD: it was replaced'],
  },
  {
    name: 'another revision in a crash loop',
    seen: { process: exited(1), count: { restarts: 5, streak: 5 } },
    before: { process: { state: 'absent', wasStarted: true } },
    steps: ['remove OLD'],
    dueMs: 15_900,
  },
  {
    name: 'one whose record is gone',
    seen: null,
    before: { record: null },
    steps: ['kill OLD: its record is gone'],
  },
]

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

for (const [name, cases] of Object.entries({ making, ending, going, replacing })) {
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
    assert.deepEqual(asks, ['remember what volumes say of their removal'])
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
      'remember what volumes say of their removal',
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
})
