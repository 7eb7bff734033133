import type { Operator } from '../actors/operators.ts'
import type { Cluster, SimHost } from './cluster.ts'
import type { Hosts } from './hosts.ts'

/** The objects that stimuli act on. */
export interface Stage {
  readonly cluster: Cluster
  readonly hosts: Hosts
  readonly operators: readonly Operator[]
  /** A host's disk was put back to an earlier state: its head may go down with it. */
  readonly rewound: (host: SimHost) => void
}
