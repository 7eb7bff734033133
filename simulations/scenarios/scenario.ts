import type { Random } from '../../protocol/node/random.ts'
import type { Stimulus } from '../actors/stimulus.ts'
import type { NetworkFaults } from '../world/cluster.ts'
import type { DiskFaults } from '../world/disk.ts'

/** The differences of a scenario's world from a calm one. */
export interface Setting {
  readonly network: Partial<NetworkFaults>
  readonly disk: Partial<DiskFaults>
  readonly operators: number
  /** Keys of the cluster, and how many must sign. */
  readonly keys: number
  readonly threshold: number
  /** Share of hosts that can be dialled from anywhere. */
  readonly endpoints: number
  /** Share of hosts that run a newer agent, which says more than those of today know. */
  readonly newer: number
  /** Bytes that a config has beside its hosts; large ones do not ride with announcements. */
  readonly paddingBytes: number
  /** True if nothing parts hosts, so that what one says must reach the others in time. */
  readonly fresh: boolean
  /** Length of the phase with faults, in ms. */
  readonly safetyMs: number
}

/** A kind of trouble, by name. */
export interface Scenario {
  readonly name: string
  /** The property that it shows, in one sentence. */
  readonly shows: string
  /** Events that must have happened in some seed, or nothing was shown: names of `coverage.ts`. */
  readonly covers: readonly string[]
  /** Hosts where none are asked for. */
  readonly hosts: number
  readonly setting: Partial<Setting>
  /** Draws the stimuli from the seed. */
  plan(random: Random, hosts: number, safetyMs: number): readonly Stimulus[]
}

/** The calm world. */
export const calm: Setting = {
  network: {},
  disk: {},
  operators: 1,
  keys: 1,
  threshold: 1,
  endpoints: 1,
  newer: 0,
  paddingBytes: 0,
  fresh: false,
  safetyMs: 120_000,
}
