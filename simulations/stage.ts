import type { Cluster, SimHost } from './cluster.ts'
import type { Hosts } from './hosts.ts'
import type { Operator } from './operators.ts'

/** What stimuli act on. */
export interface Stage {
  readonly cluster: Cluster
  readonly hosts: Hosts
  readonly operators: readonly Operator[]
  /** A host's disk was put back to an earlier state: its head may go down with it. */
  readonly rewound: (host: SimHost) => void
}
