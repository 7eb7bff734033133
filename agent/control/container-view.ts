import type { ExecPlace } from '../../machine/containers/exec/start.ts'

/** One row of `covey ps`, as `GET /v1/containers` and `covey ps --json` give it. */
export interface ContainerRow {
  /** Name of the object. */
  readonly name: string
  /** One word, as `running`, `exited`, `waiting`. */
  readonly state: string
  /** Of its first process; null where none runs. */
  readonly pid: number | null
  /** Reference as the config has it. */
  readonly image: string
  readonly restarts: number
  /** Of the last end; null where it has not ended. */
  readonly exit_code: number | null
  /** `starting`, `healthy`, `unhealthy`; null without a health check. */
  readonly health: string | null
}

/** What the control API asks about containers of this host. */
export interface ContainerDirectory {
  /** All containers, ordered by name. */
  rows(): Promise<readonly ContainerRow[]>
  /** The running container of an object, or null where none runs. */
  running(object: string): Promise<ExecPlace | null>
}
