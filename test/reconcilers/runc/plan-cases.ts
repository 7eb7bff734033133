import type { ContainerSeen, StoppingSeen } from '../../../reconcilers/host-containers.ts'
import type { ImageState } from '../../../reconcilers/host-images.ts'
import type { RuncObserved } from '../../../reconcilers/runc/observe.ts'
import { exited, imageReference, nowMs } from './looks.ts'

/** A look at one object and its container (null for none), and what comes of it. */
export interface Case {
  readonly name: string
  /** Members of the object `web`. */
  readonly object?: object
  readonly seen?: Partial<ContainerSeen> | null
  readonly before?: Partial<ContainerSeen>
  readonly observed?: Partial<RuncObserved>
  readonly steps: readonly string[]
  /** `state: reason`, or null for nothing to say. */
  readonly says?: string | null
  /** Time until a look is due, in ms. */
  readonly dueMs?: number
}

const created = { process: { state: 'created', pid: 7 } } as const
const health = { tcp: { port: 80 } }
const running = { state: 'running', pid: 7, startedMs: nowMs - 1_000 } as const
/** That a container was asked to stop four seconds ago. */
export const stopping: StoppingSeen = { signal: 15, atMs: nowMs - 4_000, hadFailed: false }
const killed = { signal: 9, atMs: nowMs - 1_000, hadFailed: false }
const images = (state: ImageState): Partial<RuncObserved> => ({
  images: new Map([[imageReference, state]]),
})
const toBeMade = 'pending: about to be created'
const progress = 'layer 2 of 5, 31 of 70 MB'
const [never, onFailure] = [{ restart: 'never' }, { restart: 'on-failure' }]
const pulls = [`pull ${imageReference}`]
const pulling = { state: 'pulling', progress, failure: null } as const

/** Containers that are to be made. */
export const making: readonly Case[] = [
  { name: 'a new one', seen: null, steps: ['create NEW', 'start NEW'], says: toBeMade },
  {
    name: 'a new one without its image',
    seen: null,
    observed: images({ state: 'absent' }),
    steps: pulls,
    says: 'pending: waiting to pull its image',
  },
  {
    name: 'a new one whose image is pulled',
    seen: null,
    observed: images(pulling),
    steps: [],
    says: `pending: pulling its image: ${progress}`,
  },
  {
    name: 'a new one whose image is pulled again',
    seen: null,
    observed: images({ ...pulling, failure: 'it was damaged' }),
    steps: [],
    says: `failed: it was damaged; pulling again: ${progress}`,
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
    steps: pulls,
    says: 'failed: no such image',
  },
  { name: 'one that waits to be started', seen: created, steps: ['start NEW'] },
  {
    name: 'one that waits and has lost its supervisor',
    seen: { ...created, broken: 'gone' },
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
    says: 'failed: was ended by a restart of the host, and restart is never',
  },
]

/** Containers whose process has ended. */
export const ending: readonly Case[] = [
  {
    name: 'a first end',
    seen: { process: exited(1) },
    steps: ['create NEW again', 'start NEW'],
    says: 'pending: exit code 1, restarting',
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
    says: 'failed: crash loop: exit code 137 (SIGKILL), 5 restarts, next try in 16 s; last output: listen: address in use',
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
    steps: ['record how NEW ended'],
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
    steps: ['record how NEW ended'],
    says: 'failed: exit code 2; last output: no such file; restart is never',
  },
  {
    name: 'a job that was stopped here and is wanted again',
    object: onFailure,
    seen: { process: exited(0), stopping },
    steps: ['create NEW again', 'start NEW'],
  },
]

/** Containers that run. */
export const going: readonly Case[] = [
  { name: 'one that runs', seen: {}, steps: [], says: null },
  {
    name: 'one that has lost its supervisor',
    seen: { broken: 'conmon is gone' },
    steps: ['stop NEW: conmon is gone'],
    says: 'pending: conmon is gone; restarting it',
  },
  {
    name: 'one that must run once and has lost its supervisor',
    object: never,
    seen: { broken: 'conmon is gone' },
    steps: [],
    says: 'failed: conmon is gone; it keeps running to its end because restart is never; change its object to replace it',
  },
  {
    name: 'one that was asked to stop',
    seen: { stopping },
    steps: [],
    says: 'pending: waiting for process 100 to stop',
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
    says: 'failed: process 100 is still running after SIGKILL',
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
    says: 'failed: crash loop: exit code 1, 4 restarts, running again',
    dueMs: 9_000,
  },
]

/** Containers of which there is one of an earlier revision. */
export const replacing: readonly Case[] = [
  {
    name: 'another revision',
    seen: null,
    before: {},
    steps: ['create NEW', 'stop OLD, start NEW'],
    says: 'pending: about to be created; the previous container keeps running',
  },
  {
    name: 'another revision whose image is pulled',
    seen: null,
    before: {},
    observed: images(pulling),
    steps: [],
    says: `pending: pulling its image: ${progress}; the previous container keeps running`,
  },
  {
    name: 'another revision beside one that is stopping',
    seen: created,
    before: { stopping },
    steps: [],
    says: 'pending: waiting for process 100 to stop',
    dueMs: 6_000,
  },
  {
    name: 'another revision beside one that has ended',
    seen: created,
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
