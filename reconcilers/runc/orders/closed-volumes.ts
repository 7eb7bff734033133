import type { VolumeClosing } from '../../container-facts.ts'
import type { ContainerHold, OrdersByObject } from '../../container-orders.ts'
import type { ContainerSpec } from '../spec.ts'

/** Orders, with a hold on each container that has a volume which nobody may use just now. */
export function withClosedVolumes(
  orders: OrdersByObject,
  containers: readonly ContainerSpec[],
  closed: ReadonlyMap<string, VolumeClosing>,
): OrdersByObject {
  if (closed.size === 0) return orders
  const all = new Map(orders)
  for (const { object, container } of containers) {
    const holds = container.mounts.flatMap(({ volume }): readonly ContainerHold[] => {
      const closing = volume === undefined ? undefined : closed.get(volume)
      if (closing === undefined) return []
      const reason = `its volume ${volume} ${closing.reason}`
      return [{ owner: closing.owner, reason, atMs: 0, isDurable: false }]
    })
    const known = all.get(object)
    if (holds.length === 0 || (known?.holds.length ?? 0) > 0) continue
    all.set(object, { order: known?.order ?? null, holds })
  }
  return all
}
