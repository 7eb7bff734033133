import { type ContainerSeen, isUp } from '../host-containers.ts'
import type { Verdict } from '../reconciler.ts'
import { containersOf } from './containers.ts'
import { unwellText } from './health.ts'
import { imageKey } from './images.ts'
import { afterExit, causeText, isDue, waitText } from './lifecycle.ts'
import { crashLoopStreak, killAgainMs, steadyMs } from './limits.ts'
import type { RuncObserved } from './observe.ts'
import { missingDevice } from './offers/devices.ts'
import { unprivilegedText } from './offers/privileges.ts'
import { downOf, downText, runOrderOf } from './orders/orders.ts'
import { waitOf } from './relations/waiting.ts'
import type { ContainerSpec, RuncSpec } from './spec.ts'
import { killAtMs } from './stopping.ts'

type Said = Omit<Verdict, 'object'>

/** Reports the containers that are not, or not yet, as they should be. */
export function judgeContainers(spec: RuncSpec, observed: RuncObserved): readonly Verdict[] {
  return spec.containers.flatMap((each) => {
    const said = judgeObject(each, spec, observed)
    return said === null ? [] : [{ object: each.object, ...said }]
  })
}

function judgeObject(spec: ContainerSpec, all: RuncSpec, observed: RuncObserved): Said | null {
  const { wanted, before } = containersOf(spec, observed.containers)
  const { policy } = spec
  const down = judgeDown(spec, wanted === null ? before : [wanted, ...before], observed)
  if (down !== null) return down
  const wait = waitOf(spec, wanted, all, observed)
  const isOrdered = runOrderOf(spec.object, spec.revision, observed) !== null
  const process = wanted?.process ?? { state: 'absent', wasStarted: false }
  switch (process.state) {
    case 'absent': {
      if (!process.wasStarted || policy.restart !== 'never' || isOrdered) {
        return judgeNew(spec, before, wait, observed)
      }
      const reason = 'was ended by a restart of the host, and restart is never'
      return { state: 'failed', reason }
    }
    case 'created':
      return (
        judgeStops(before, observed.nowMs) ??
        (wait ? { state: 'pending', reason: wait } : toBeStarted)
      )
    case 'running':
      if (wanted === null) return null
      return (
        judgeRunning(wanted, policy.restart, observed.nowMs) ??
        judgeDevices(spec.container, observed) ??
        judgePrivileges(spec.container, wanted)
      )
    case 'exited': {
      if (wanted === null) return null
      const next = afterExit(wanted, process.exit, policy)
      if (isOrdered) return wait === null ? toBeStarted : { state: 'pending', reason: wait }
      if (next.kind === 'again' && wait !== null) return { state: 'pending', reason: wait }
      if (next.kind === 'again') return waitText(wanted, process.exit, next)
      return next.kind === 'done' ? null : { state: 'failed', reason: next.reason }
    }
  }
}

/** The verdict on an object that must not run now; null if it may. */
function judgeDown(
  { object, revision }: ContainerSpec,
  all: readonly ContainerSeen[],
  observed: RuncObserved,
): Said | null {
  const up = all.filter(isUp)
  const down = downOf(object, revision, up, observed)
  if (down === null) return null
  const stuck = judgeStops(all, observed.nowMs)
  return stuck?.state === 'failed' ? stuck : downText(object, down, up.length > 0)
}

const toBeStarted: Said = { state: 'pending', reason: 'about to start', untilActed: true }

/** A container that does not exist yet: it waits for its image, or for its creation. */
function judgeNew(
  { container }: ContainerSpec,
  before: readonly ContainerSeen[],
  wait: string | null,
  observed: RuncObserved,
): Said | null {
  const rest = before.some(isUp) ? '; the previous container keeps running' : ''
  const image = observed.images.get(imageKey(container))
  switch (image?.state) {
    case 'absent':
      return { state: 'pending', reason: `waiting to pull its image${rest}` }
    case 'pulling': {
      const { progress, failure } = image
      // A failure is reported until it is repaired, also while the next attempt runs.
      if (failure !== null) {
        return { state: 'failed', reason: `${failure}; pulling again: ${progress}${rest}` }
      }
      return { state: 'pending', reason: `pulling its image: ${progress}${rest}` }
    }
    case 'failed':
      return { state: 'failed', reason: `${image.reason}${rest}` }
    default:
      if (wait !== null) return { state: 'pending', reason: `${wait}${rest}` }
      return { state: 'pending', reason: `about to be created${rest}`, untilActed: true }
  }
}

function judgeRunning(wanted: ContainerSeen, restart: string, nowMs: number): Said | null {
  const { process, broken, health, stopping, count, lastExit, ailment } = wanted
  if (process.state !== 'running') return null
  const isSteady = nowMs - process.startedMs >= steadyMs || nowMs < process.startedMs
  const isLooping = count.streak > crashLoopStreak && !isSteady && lastExit !== null
  if (stopping !== null) return judgeStops([wanted], nowMs)
  if (broken !== null) {
    if (restart !== 'never') return { state: 'pending', reason: `${broken}; restarting it` }
    const rest =
      'it keeps running to its end because restart is never; change its object to replace it'
    return { state: 'failed', reason: `${broken}; ${rest}` }
  }
  if (isLooping) {
    const { cause, said } = causeText(ailment, lastExit)
    const reason = `crash loop: ${cause}, ${count.restarts} restarts, running again${said}`
    return { state: 'failed', reason }
  }
  if (health?.state === 'unhealthy') {
    return { state: 'failed', reason: `unhealthy: ${unwellText(health)}` }
  }
  if (health?.state !== 'starting') return null
  if (ailment !== null) return { state: 'failed', reason: `unhealthy: ${ailment}, running again` }
  return { state: 'pending', reason: 'starting: its health check has not passed yet' }
}

/** A container that runs although a device of it is gone. */
function judgeDevices(container: ContainerSpec['container'], observed: RuncObserved): Said | null {
  const device = missingDevice(container, observed)
  if (device === null) return null
  return { state: 'pending', reason: `waits for the device ${device}, which is gone; runs without` }
}

/** A container that runs without what it asks for, because its host does not grant it. */
function judgePrivileges(
  container: ContainerSpec['container'],
  wanted: ContainerSeen,
): Said | null {
  const reason = unprivilegedText(container, wanted)
  return reason === null ? null : { state: 'converged', reason }
}

/** Containers that were asked to stop, and those that cannot be stopped. */
function judgeStops(stopping: readonly ContainerSeen[], nowMs: number): Said | null {
  const [first] = stopping.filter((seen) => isUp(seen) && seen.stopping !== null)
  if (first === undefined) return null
  const pid = first.process.state === 'running' ? ` ${first.process.pid}` : ''
  if (first.stopping?.signal === 9 && nowMs - first.stopping.atMs >= killAgainMs) {
    return { state: 'failed', reason: `process${pid} is still running after SIGKILL` }
  }
  const wait = `waiting for process${pid} to stop`
  const { ailment, stopping: order } = first
  if (!order?.hadFailed || ailment === null) return { state: 'pending', reason: wait }
  return { state: 'failed', reason: `unhealthy: ${ailment}, ${wait}` }
}

/**
 * The time at which the plan or a verdict changes without an event, in ms since 1970; null for
 * never.
 */
export function runcDueAt(spec: RuncSpec, observed: RuncObserved): number | null {
  const { nowMs } = observed
  // A wait that began in the future is over at once: the clock was set back.
  const ahead = (atMs: number, sinceMs: number): readonly number[] =>
    isDue(atMs, sinceMs, nowMs) ? [] : [atMs]
  const times = observed.containers.flatMap((seen) =>
    seen.stopping !== null && isUp(seen) ? ahead(killAtMs(seen), seen.stopping.atMs) : [],
  )
  for (const each of spec.containers) {
    const { wanted } = containersOf(each, observed.containers)
    const image = observed.images.get(imageKey(each.container))
    if (image?.state === 'failed' && image.retryAtMs > nowMs) times.push(image.retryAtMs)
    if (wanted?.process.state === 'exited' && !isStill(each, observed)) {
      const { exit } = wanted.process
      const next = afterExit(wanted, exit, each.policy)
      if (next.kind === 'again') times.push(...ahead(next.atMs, exit.exitedMs))
    }
    if (wanted?.process.state === 'running' && wanted.count.streak > crashLoopStreak) {
      const { startedMs } = wanted.process
      times.push(...ahead(startedMs + steadyMs, startedMs))
    }
  }
  return times.length === 0 ? null : Math.min(...times)
}

/** True for a container that no time starts again. */
function isStill({ object, revision }: ContainerSpec, observed: RuncObserved): boolean {
  return downOf(object, revision, [], observed) !== null
}
