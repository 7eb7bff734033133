import * as z from 'zod'

/** One row of `GET /v1/containers`, and of `covey ps`. */
export interface ContainerRow {
  /** Name of the object. */
  readonly name: string
  /** One word, such as `running`, `exited`, `waiting`. */
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

/** Schema of all rows, ordered by name. */
export const containersSchema: z.ZodType<readonly ContainerRow[]> = z.array(
  z.object({
    name: z.string(),
    state: z.string(),
    pid: z.number().nullable().default(null),
    image: z.string().default(''),
    restarts: z.number().default(0),
    exit_code: z.number().nullable().default(null),
    health: z.string().nullable().default(null),
  }),
)
