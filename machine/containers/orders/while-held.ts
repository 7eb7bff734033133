import { setTimeout as sleep } from 'node:timers/promises'
import { CoveyError } from '../../../protocol/fault.ts'
import { type ContainerSeen, isUp } from '../../../reconcilers/host-containers.ts'
import type { MachineContainers } from '../containers.ts'
import { holdLookMs, holdMarginMs } from './limits.ts'

/** An order to hold containers. */
export interface HoldOrder {
  /** Objects whose containers must not run. */
  readonly objects: readonly string[]
  /** Who holds them, as `backup pgdata`; nobody else holds the same objects by this name. */
  readonly owner: string
  /** For people: `it is being backed up`. */
  readonly reason: string
}

/**
 * Stops the containers of objects, with their own signal and grace time, calls `work` once none of
 * them runs, and lets them run again, whatever came of it. Those that did not run before are not
 * started by it. Nothing of it is durable: an agent that is killed meanwhile starts them again when
 * it comes back, as whoever asked for the work is gone with it.
 *
 * Errors: `too-many-holds`; `still-running` where one does not end; the reason of `signal`; those
 * of `work`.
 */
export async function whileHeld<T>(
  { orders, port, state }: MachineContainers,
  { objects, owner, reason }: HoldOrder,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const held: string[] = []
  try {
    for (const object of objects) {
      const atMs = state.clock.now()
      await orders.hold(object, { owner, reason, atMs, isDurable: false })
      held.push(object)
    }
    state.onChange(`${owner}: ${reason}`)
    const running = async (): Promise<readonly ContainerSeen[]> => {
      return (await port.look()).filter((seen) => objects.includes(seen.object) && isUp(seen))
    }
    await untilNone(running, signal)
    return await work()
  } finally {
    for (const object of held) await orders.release(object, { owner, isDurable: false })
    state.onChange(`${owner} is over`)
  }
}

/** Waits until no container is left, each with its grace time. */
async function untilNone(
  running: () => Promise<readonly ContainerSeen[]>,
  signal: AbortSignal,
): Promise<void> {
  let left = await running()
  const graces = left.map(({ record }) => record?.policy.stopGraceMs ?? 0)
  const until = performance.now() + Math.max(0, ...graces) + holdMarginMs
  for (; left.length > 0; left = await running()) {
    signal.throwIfAborted()
    if (performance.now() >= until) {
      const names = [...new Set(left.map(({ object }) => object))].join(', ')
      throw new CoveyError('still-running', `${names} did not stop`, {
        hint: 'covey status says why',
      })
    }
    await sleep(holdLookMs, undefined, { signal }).catch(() => undefined)
  }
}
