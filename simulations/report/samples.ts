import type { Cluster } from '../world/cluster.ts'

/** The state of a run at one moment, for a report. */
export interface Sample {
  readonly at: number
  readonly messages: number
  readonly bytes: number
  /**
   * Hosts by what they hold, `epoch.version` and the first digits of the digest; `down` for those
   * that are.
   */
  readonly heads: readonly string[]
}

/** Looks at a cluster once a second. */
export interface Sampler {
  readonly samples: readonly Sample[]
  /** Keeps how things stand, if samples are wanted. */
  take(): void
  /** True if a second has passed since it last said so; takes a sample then. */
  due(): boolean
}

const sampleMs = 1_000

/** A sampler; without `keeps` it only says when a second has passed. */
export function createSampler(cluster: Cluster, keeps: boolean): Sampler {
  const samples: Sample[] = []
  let last = 0
  const take = (): void => {
    const heads = cluster.hosts.map(({ node }) => {
      const head = node?.head?.head
      if (node === null) return 'down'
      return head === undefined
        ? 'none'
        : `${head.epoch}.${head.version} ${head.digest.slice(7, 13)}`
    })
    samples.push({
      at: cluster.world.now,
      messages: cluster.counts.messages,
      bytes: cluster.counts.bytes,
      heads,
    })
  }
  return {
    samples,
    take() {
      const before = samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY
      if (keeps && cluster.world.now - before >= sampleMs) take()
    },
    due() {
      if (cluster.world.now - last < sampleMs) return false
      last = cluster.world.now
      return true
    },
  }
}
