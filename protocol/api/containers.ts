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
  /** Service that it is of, as `shop/web`; null for one that is of none. */
  readonly service: string | null
  /** Which of the replicas of its service, from 1. */
  readonly replica: number
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
    service: z.string().nullable().default(null),
    replica: z.number().default(1),
  }),
)

/** Labels by which a container says which service it is of, and which of its replicas. */
export const serviceLabels = { service: 'covey.service', replica: 'covey.replica' } as const

/** Service and replica of a container, by its `serviceLabels`. */
export function serviceOf(
  labels: Readonly<Record<string, unknown>>,
): Pick<ContainerRow, 'service' | 'replica'> {
  const service = labels[serviceLabels.service]
  const replica = Number(labels[serviceLabels.replica] ?? 1)
  return {
    service: typeof service === 'string' && service !== '' ? service : null,
    replica: Number.isSafeInteger(replica) && replica > 0 ? replica : 1,
  }
}
