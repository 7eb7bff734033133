import { compareHeadsOrNone, type Head } from '../../protocol/heads.ts'
import type { Cluster, SimHost } from '../world/cluster.ts'
import type { Watch } from '../world/watch.ts'

/** The spread of the highest head of a run so far. */
export interface Spread extends Watch {
  /** From the first host that held it to the last one that has come to hold it, in simulated ms. */
  ms(): number
  /** Hosts that it went through to reach the farthest one. */
  hops(): number
}

/** Measures how each new head spreads; only the highest one is remembered. */
export function createSpread({ world }: Cluster): Spread {
  let head: Head | null = null
  let [firstAt, lastAt] = [0, 0]
  const hops = new Map<SimHost, number>()
  const sources = new Map<SimHost, SimHost>()
  const reset = (to: Head): void => {
    head = to
    firstAt = world.now
    hops.clear()
  }
  const look = (host: SimHost): void => {
    const own = host.node?.head?.head
    if (own === undefined || host.isBad) return
    if (own.digest !== head?.digest) {
      if (compareHeadsOrNone(own, head) <= 0) return
      reset(own)
    }
    if (hops.has(host)) return
    const source = sources.get(host)
    hops.set(host, source === undefined ? 0 : (hops.get(source) ?? 0) + 1)
    lastAt = world.now
  }
  return {
    stepped: look,
    brought: (to, from) => void sources.set(to, from),
    ms: () => Math.round(lastAt - firstAt),
    hops: () => Math.max(0, ...hops.values()),
  }
}
