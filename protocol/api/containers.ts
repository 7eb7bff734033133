import * as z from 'zod'

/** One row of `GET /v1/containers`, and of `covey ps`. */
export interface ContainerRow {
  /** Name of the object. */
  readonly name: string
  /** One word, such as `running`, `exited`, `stopped`, `waiting`. */
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
  /** The order for it that is not over: `stop`, `restart`, `run`; `held` while it is held. */
  readonly order: string | null
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
    order: z.string().nullable().default(null),
  }),
)

/** Answer to `POST /v1/containers/{name}/start`, `stop` and `restart`: what is durable now. */
export interface ContainerOrdered {
  /** Name of the object. */
  readonly name: string
  /** False where it is as it was asked to be already, and nothing was done. */
  readonly changed: boolean
  /** One line for people, such as `it does not run already`; null where there is nothing to add. */
  readonly note: string | null
}

/** Schema of the answer to an order. */
export const orderedSchema: z.ZodType<ContainerOrdered> = z.object({
  name: z.string(),
  changed: z.boolean(),
  note: z.string().nullable().default(null),
})

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
