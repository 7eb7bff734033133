import type { ContainerSeen, StopOrder } from '../host-containers.ts'
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

/** SIGKILL for a container that did not stop in its time; no steps before that. */
export function killStep(
  seen: ContainerSeen,
  nowMs: number,
  removes: boolean = false,
): readonly StopStep[] {
  const { id, object, stopping } = seen
  if (stopping === null || !isDue(killAtMs(seen), stopping.atMs, nowMs)) return []
  const why = 'it did not stop in time'
  const about = { objects: [object], lane: object, pace: 'recurring' } as const
  return [
    { kind: 'stop', id, order: orderOf(9, stopWaitMs, stopping.hadFailed), why, removes, ...about },
  ]
}
