import type {
  ContainerHold,
  ContainerOrder,
  ContainerOrders,
  OrdersByObject,
} from '../../container-orders.ts'
import { type ContainerSeen, isUp } from '../../host-containers.ts'
import type { PlanStep } from '../../reconciler.ts'
import { about, firstSignal, killStep, type StopStep, stopStep } from '../stopping.ts'

/** The observed orders of a host. */
export interface OrdersSeen {
  readonly orders: OrdersByObject
}

/** Forgets an order. */
export interface OrderStep extends PlanStep {
  readonly kind: 'order'
  readonly object: string
  readonly order: ContainerOrder
}

/** Keeps for good how a process ended. */
export interface KeepExitStep extends PlanStep {
  readonly kind: 'keep-exit'
  readonly id: string
}

/** A container that must not run now: by a hold, or by the word of a person. */
export type Down =
  | { readonly kind: 'held'; readonly hold: ContainerHold }
  | { readonly kind: 'stopped' }
  /** It is stopped to be started again. */
  | { readonly kind: 'restart'; readonly order: ContainerOrder }

/**
 * The order that keeps a container of this revision from running; null without one. `up` are those
 * of its object that have a process: a restart is over with the last of them.
 */
export function downOf(
  object: string,
  revision: string | null,
  up: readonly ContainerSeen[],
  { orders }: OrdersSeen,
): Down | null {
  const known = orders.get(object)
  const [hold] = known?.holds ?? []
  if (hold !== undefined) return { kind: 'held', hold }
  const order = orderFor(known, revision)
  if (order?.kind === 'stop') return { kind: 'stopped' }
  return order?.kind === 'restart' && up.length > 0 ? { kind: 'restart', order } : null
}

/** The order to run a container of this revision once more; null if there is none. */
export function runOrderOf(
  object: string,
  revision: string | null,
  { orders }: OrdersSeen,
): ContainerOrder | null {
  const order = orderFor(orders.get(object), revision)
  return order === null || order.kind === 'stop' ? null : order
}

function orderFor(
  known: ContainerOrders | undefined,
  revision: string | null,
): ContainerOrder | null {
  return known?.order?.revision === revision ? known.order : null
}

/** Steps towards no process at all: nothing is removed, so that each can be started again. */
export function planDown(
  down: Down,
  all: readonly ContainerSeen[],
  { nowMs }: { readonly nowMs: number },
): readonly (StopStep | KeepExitStep)[] {
  return all.flatMap((seen): readonly (StopStep | KeepExitStep)[] => {
    const { id, process } = seen
    if (process.state === 'exited' && !process.isKept) {
      return [{ kind: 'keep-exit', id, ...about(seen) }]
    }
    if (!isUp(seen)) return []
    if (seen.stopping !== null) return killStep(seen, nowMs)
    return [stopStep(seen, firstSignal(seen), whyDown(down))]
  })
}

function whyDown(down: Down): string {
  if (down.kind === 'held') return `${down.hold.owner}: ${down.hold.reason}`
  return down.kind === 'stopped' ? 'covey stop' : 'covey restart'
}

/**
 * The steps for a container, with the end of the order for it: before the first step that starts
 * something, so that what runs once is not started twice, or at once where it runs. Else it stays.
 */
export function withEndOf<T extends { readonly kind: string }>(
  order: ContainerOrder,
  object: string,
  wanted: ContainerSeen | null,
  steps: readonly T[],
): readonly (T | OrderStep)[] {
  const isRunning = wanted?.process.state === 'running' && wanted.stopping === null
  const first = isRunning ? 0 : steps.findIndex(({ kind }) => ['start', 'replace'].includes(kind))
  if (first < 0) return steps
  return [...steps.slice(0, first), endStep(object, order), ...steps.slice(first)]
}

function endStep(object: string, order: ContainerOrder): OrderStep {
  return { kind: 'order', object, order, ...about({ object }) }
}

/** Forgets orders for revisions that are gone: `current` gives the present one of an object. */
export function planForgotten(
  current: ReadonlyMap<string, string>,
  { orders }: OrdersSeen,
): readonly OrderStep[] {
  return [...orders].flatMap(([object, { order }]) => {
    if (order === null || current.get(object) === order.revision) return []
    const step = endStep(object, order)
    return [current.has(object) ? step : { ...step, objects: [], about: object }]
  })
}

/** The verdict on a container that must not run; null as long as it is on its way down. */
export function downText(
  object: string,
  down: Down,
  isRunning: boolean,
): { readonly state: 'pending' | 'converged'; readonly reason: string } {
  if (down.kind === 'held') {
    const { owner, reason } = down.hold
    return { state: 'pending', reason: `stopped for now: ${reason} (${owner})` }
  }
  if (down.kind === 'restart') return { state: 'pending', reason: 'is being restarted' }
  if (isRunning) return { state: 'pending', reason: 'is being stopped: covey stop' }
  return { state: 'converged', reason: `stopped by hand: covey start ${object}` }
}
