import { join } from 'node:path'
import type { ContainerRecord, HealthSeen } from '../../../reconcilers/host-containers.ts'
import { afterCheck, ailmentAfter, checkOf, nextCheckMs } from '../../../reconcilers/runc/health.ts'
import type { Life } from '../life.ts'
import { checksMax, checkTickMs, startingCheckMs } from '../limits.ts'
import { networkToEnter } from '../make/user-namespace.ts'
import { lives } from '../processes.ts'
import type { ContainersState } from '../state.ts'
import { makeCheck } from './checks.ts'

/** Checks containers until it is stopped. */
export interface HealthRunner {
  stop(): Promise<void>
}

/**
 * Checks the containers that run and have a health check, beside the rounds and few at a time. What
 * comes of it is kept with the container, so that the next agent goes on from there; a change is
 * told to who makes rounds.
 */
export function runHealthChecks(state: ContainersState): HealthRunner {
  const stopped = new AbortController()
  const dueMs = new Map<string, number>()
  const running = new Map<string, Promise<void>>()

  const begin = (id: string, record: ContainerRecord, life: Life): void => {
    const checked = checkOnce(state, id, record, life, stopped.signal)
    const ended = checked.then((nextMs) => {
      running.delete(id)
      dueMs.set(id, performance.now() + nextMs)
    })
    running.set(id, ended)
  }
  const tick = (): void => {
    const ids = new Set(state.records.ids())
    for (const id of dueMs.keys()) if (!ids.has(id)) dueMs.delete(id)
    for (const id of ids) {
      const record = state.records.record(id)
      const life = state.life(id)
      if (record === null || life?.startedMs == null || checkOf(record) === null) continue
      if (running.has(id) || running.size >= checksMax) continue
      if ((dueMs.get(id) ?? 0) > performance.now()) continue
      if (life.stopping === null && lives(life.process)) begin(id, record, life)
    }
  }
  const timer = setInterval(tick, checkTickMs)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      stopped.abort()
      await Promise.all(running.values())
    },
  }
}

const unknown: HealthSeen = { state: 'starting', failures: 0, reason: null }

/** One check of one container; the time to its next one, in ms. */
async function checkOnce(
  state: ContainersState,
  id: string,
  record: ContainerRecord,
  life: Life,
  signal: AbortSignal,
): Promise<number> {
  const check = checkOf(record)
  if (check === null) return 0
  const { runcRoot } = state.places
  const network = networkToEnter(record)
  const pidFile = join(state.of(id).run, 'check.pid')
  const target = {
    id,
    runcRoot,
    network,
    address: record.address,
    pidFile,
    secrets: record.checkSecrets,
  }
  const result = await makeCheck(target, check, signal)
  const now = state.life(id)
  // The process may have ended, or been replaced, while it was asked.
  const isSame = now !== null && now.process?.startTicks === life.process?.startTicks
  if (signal.aborted || !isSame || !lives(now.process)) return 0
  const before = now.health ?? unknown
  const ranMs = state.clock.now() - (now.startedMs ?? 0)
  const health = afterCheck(before, result, check, ranMs)
  if (JSON.stringify(health) !== JSON.stringify(now.health)) {
    state.setLife(id, { health, ailment: ailmentAfter(health, now.ailment) })
  }
  if (health.state !== before.state) {
    if (health.state !== 'starting') state.tell(record.object, health.state, health.reason)
    state.onChange(`${record.object} is ${health.state}`)
  }
  return nextCheckMs(health, check, startingCheckMs)
}
