import { nowMs } from './looks.ts'
import { type Case, stopping } from './plan-cases.ts'

const health = { tcp: { port: 80 } }
const running = { state: 'running', pid: 7, startedMs: nowMs - 1_000 } as const

/** Containers that are started again because their checks fail. */
export const ailing: readonly Case[] = [
  {
    name: 'an unhealthy one that was asked to stop',
    object: { health },
    seen: { stopping: { ...stopping, hadFailed: true }, ailment: 'refused' },
    steps: [],
    says: 'failed: unhealthy: refused, waiting for process 100 to stop',
    dueMs: 6_000,
  },
  {
    name: 'one that starts again as it was unhealthy',
    object: { health },
    seen: { health: { state: 'starting', failures: 1, reason: 'other' }, ailment: 'refused' },
    steps: [],
    says: 'failed: unhealthy: refused, running again',
  },
  {
    name: 'one that is unhealthy again and again',
    object: { health },
    seen: {
      process: running,
      health: { state: 'starting', failures: 0, reason: null },
      ailment: 'refused',
      count: { restarts: 4, streak: 4 },
      lastExit: { exitCode: 0, oom: false, startedMs: 0, exitedMs: 0, lastLine: 'bye' },
    },
    steps: [],
    says: 'failed: crash loop: unhealthy: refused, 4 restarts, running again',
    dueMs: 9_000,
  },
  {
    name: 'an unhealthy one',
    object: { health },
    seen: { health: { state: 'unhealthy', failures: 3, reason: 'refused' } },
    steps: ['stop NEW: it is unhealthy'],
    says: 'failed: unhealthy: refused',
  },
  {
    name: 'an unhealthy one whose health is only shown',
    object: { health: { ...health, restart: false } },
    seen: { health: { state: 'unhealthy', failures: 3, reason: 'refused' } },
    steps: [],
    says: 'failed: unhealthy: refused',
  },
]
