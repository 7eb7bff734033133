import type { ExecPlace } from '../../machine/containers/exec/start.ts'
import type { ContainerRow } from '../../protocol/api/containers.ts'

/** Containers of this host, for the control API. */
export interface ContainerDirectory {
  /** All containers, ordered by name. */
  rows(): Promise<readonly ContainerRow[]>
  /** The running container of an object, or null where none runs. */
  running(object: string): Promise<ExecPlace | null>
}
