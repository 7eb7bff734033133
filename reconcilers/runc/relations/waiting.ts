import { type ContainerSeen, isUp } from '../../host-containers.ts'
import { containersOf } from '../containers.ts'
import { unwellText } from '../health.ts'
import { afterExit } from '../lifecycle.ts'
import type { RuncObserved } from '../observe.ts'
import { type DevicesSeen, missingDevice } from '../offers/devices.ts'
import { downOf, downText } from '../orders/orders.ts'
import type { ContainerSpec, RuncSpec } from '../spec.ts'
import type { AfterObject } from './after-fields.ts'

type Specs = Pick<RuncSpec, 'containers'>
type Seen = Pick<RuncObserved, 'containers' | 'orders'>

/**
 * The reason for which a container is not started yet; null if there is none. `wanted` is the one
 * of its present revision, or null: only a new container waits for conditions.
 */
export function waitOf(
  spec: ContainerSpec,
  wanted: ContainerSeen | null,
  all: Specs,
  observed: Seen & DevicesSeen,
): string | null {
  const ofNetwork = waitsForNetwork(spec, all, observed)
  const device = missingDevice(spec.container, observed)
  const held = ofNetwork ?? (device === null ? null : `waits for the device ${device}`)
  return held ?? (wanted === null ? waitsFor(spec, all, observed) : null)
}

function waitsFor(spec: ContainerSpec, all: Specs, observed: Seen): string | null {
  const { after = [] } = spec.container
  for (const { container, condition } of after) {
    const reason = unmet(container, condition, all, observed)
    if (reason !== null) return `${reason}${downNote(container, all, observed)}`
  }
  return null
}

/**
 * The reason for which a container that shares a network is not started: the other one must run.
 * Null if it does.
 */
function waitsForNetwork({ container }: ContainerSpec, all: Specs, observed: Seen): string | null {
  const { network_of: owner } = container
  if (owner === undefined) return null
  const isThere = observed.containers.some((seen) => seen.object === owner && isUp(seen))
  if (isThere) return null
  const note = downNote(owner, all, observed)
  return `waits for ${owner} to run, because it shares the network of ${owner}${note}`
}

/** Added to the reason for a wait where the other one does not run because somebody stopped it. */
function downNote(object: string, all: Specs, observed: Seen): string {
  const revision = currentOf(object, all, observed)?.record?.revision ?? null
  const down = downOf(object, revision, [], observed)
  if (down === null) return ''
  return `; ${object} is ${downText(object, down, false).reason}`
}

/** The reason to start a container again whose network's owner was started after it; else null. */
export function outrunBy(
  { container }: ContainerSpec,
  { process }: ContainerSeen,
  { containers }: Seen,
): string | null {
  const { network_of: owner } = container
  if (owner === undefined || process.state !== 'running') return null
  const { startTicks = 0 } = process
  const isOutrun = containers.some((seen) => {
    if (seen.object !== owner || seen.process.state !== 'running') return false
    return startTicks > 0 && (seen.process.startTicks ?? 0) > startTicks
  })
  return isOutrun ? `${owner} has restarted, and it shares its network` : null
}

/**
 * The container of an object that others look at: the one of its present revision, or, where the
 * object is faulty, the one that was kept.
 */
function currentOf(object: string, { containers }: Specs, observed: Seen): ContainerSeen | null {
  const spec = containers.find((each) => each.object === object)
  if (spec !== undefined) return containersOf(spec, observed.containers).wanted
  return observed.containers.find((seen) => seen.object === object && seen.record !== null) ?? null
}

function unmet(
  object: string,
  condition: AfterObject['condition'],
  all: Specs,
  observed: Seen,
): string | null {
  const seen = currentOf(object, all, observed)
  switch (condition) {
    case 'started':
      return seen !== null && hasStarted(seen) ? null : `waits for ${object} to start`
    case 'healthy':
      return unhealthy(object, seen)
    case 'completed':
      return incomplete(object, seen)
  }
}

function hasStarted({ process }: ContainerSeen): boolean {
  if (process.state === 'absent') return process.wasStarted
  return process.state !== 'created'
}

function unhealthy(object: string, seen: ContainerSeen | null): string | null {
  const health = seen?.process.state === 'running' ? seen.health : null
  if (health?.state === 'healthy') return null
  const wait = `waits for ${object} to be healthy`
  if (health?.state === 'unhealthy') return `${wait}, and it is unhealthy: ${unwellText(health)}`
  const isUnchecked = seen?.process.state === 'running' && health === null
  return isUnchecked ? `${wait}, and its image has no health check` : wait
}

function incomplete(object: string, seen: ContainerSeen | null): string | null {
  const wait = `waits for ${object} to complete`
  if (seen === null || seen.record === null || isUp(seen)) return wait
  if (seen.process.state !== 'exited') return wait
  const next = afterExit(seen, seen.process.exit, seen.record.policy)
  if (next.kind === 'done') return null
  return next.kind === 'failed' ? `${wait}, and it failed: ${next.reason}` : wait
}
