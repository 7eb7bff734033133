import { type ContainerSeen, isUp, type StopOrder } from '../host-containers.ts'
import type { PlanStep } from '../reconciler.ts'
import { isDue } from './lifecycle.ts'
import { killAgainMs, stopWaitMs } from './limits.ts'

/** Asks a container to end, or kills it. */
export interface StopStep extends PlanStep {
  readonly kind: 'stop'
  readonly id: string
  readonly order: StopOrder
  readonly why: string
  /** True if it is also removed, if it ends in time. */
  readonly removes: boolean
}

/** Removes a container that has ended. */
export interface RemoveStep extends PlanStep {
  readonly kind: 'remove'
  readonly id: string
}

/**
 * Fields of every step for one object, each in a lane of its own: objects do not wait for each
 * other.
 */
export function about({
  object,
}: {
  readonly object: string
}): Required<Pick<PlanStep, 'objects' | 'lane' | 'pace'>> {
  return { objects: [object], lane: object, pace: 'recurring' }
}

/** The time at which a container that was asked to stop is killed, in ms since 1970. */
export function killAtMs({ stopping, record }: ContainerSeen): number {
  if (stopping === null) return Number.POSITIVE_INFINITY
  const graceMs = stopping.signal === 9 ? killAgainMs : (record?.policy.stopGraceMs ?? 0)
  return stopping.atMs + graceMs
}

/** An order to stop: the signal, and the wait for the end in ms. */
export function orderOf(signal: number, waitMs: number, hadFailed: boolean = false): StopOrder {
  return { signal, waitMs, hadFailed }
}

/** The container's own stop signal, or SIGKILL if nothing runs in it or it has no grace time. */
export function firstSignal({ record, process }: ContainerSeen): number {
  if (record === null || process.state === 'created' || record.policy.stopGraceMs === 0) return 9
  return record.stopSignal
}

/** Asks a container to end. */
export function stopStep(
  seen: ContainerSeen,
  signal: number,
  why: string,
  { hadFailed = false, removes = false }: { hadFailed?: boolean; removes?: boolean } = {},
): StopStep {
  const order = orderOf(signal, stopWaitMs, hadFailed)
  return { kind: 'stop', id: seen.id, order, why, removes, ...about(seen) }
}

/** SIGKILL for a container that did not stop in its time; no steps before that. */
export function killStep(
  seen: ContainerSeen,
  nowMs: number,
  removes: boolean = false,
): readonly StopStep[] {
  const { id, stopping } = seen
  if (stopping === null || !isDue(killAtMs(seen), stopping.atMs, nowMs)) return []
  const order = orderOf(9, stopWaitMs, stopping.hadFailed)
  return [{ kind: 'stop', id, order, why: 'it did not stop in time', removes, ...about(seen) }]
}

/** Stops a container that is no longer wanted, and removes it once it has ended. */
export function takeDown(
  seen: ContainerSeen,
  why: string,
  { nowMs }: { readonly nowMs: number },
): readonly (StopStep | RemoveStep)[] {
  // Not recurring: if it came back each time, it would not be one that ends by itself.
  if (!isUp(seen)) {
    return [{ kind: 'remove', id: seen.id, objects: [seen.object], lane: seen.object }]
  }
  if (seen.stopping !== null) return killStep(seen, nowMs, true)
  return [stopStep(seen, firstSignal(seen), why, { removes: true })]
}
