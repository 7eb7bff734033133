import * as z from 'zod'
import type { Head } from '../heads.ts'

/** Objects of a host, counted by state. */
interface ObjectTally {
  readonly converged: number
  readonly pending: number
  readonly failed: number
  readonly unsupported: number
}

/** One object of the node itself. */
interface ObjectRow {
  readonly name: string
  readonly type: string
  readonly state: string
  readonly reason: string | null
}

/** One row of `hosts`: what a node has heard of a host. */
export interface HostStatus {
  readonly host: string
  readonly state: string
  readonly head: Head | null
  readonly applied: Head | null
  readonly objects: ObjectTally
  /** Seconds since it was told; null for never. */
  readonly age_seconds: number | null
}

/** `GET /v1/status`, and `covey status --json`. */
export interface Status {
  readonly host: string
  readonly cluster: string
  /** Digest of the cluster's first root; empty where the agent does not say. */
  readonly cluster_id: string
  readonly agent_version: string
  readonly head: Head | null
  readonly applied: Head | null
  readonly confirmed: Head | null
  readonly state: string
  readonly failed: { readonly reason: string } | null
  readonly objects: readonly ObjectRow[]
  readonly peers: readonly {
    readonly host: string
    readonly peer_id: string
    readonly connected: boolean
    readonly head: Head | null
  }[]
  readonly hosts: readonly HostStatus[]
  readonly alarms: readonly {
    readonly code: string
    readonly message: string
    readonly host: string | null
  }[]
}

/** Schema of a head. */
export const headSchema: z.ZodType<Head> = z.object({
  epoch: z.number(),
  version: z.number(),
  digest: z.string(),
})

const optionalHead: z.ZodType<Head | null> = headSchema.nullable().default(null)
const count: z.ZodType<number> = z.number().default(0)
const text: z.ZodType<string | null> = z.string().nullable().default(null)

const hostStatus: z.ZodType<HostStatus> = z.object({
  host: z.string(),
  state: z.string().default('unknown'),
  head: optionalHead,
  applied: optionalHead,
  objects: z
    .object({ converged: count, pending: count, failed: count, unsupported: count })
    .default({ converged: 0, pending: 0, failed: 0, unsupported: 0 }),
  age_seconds: z.number().nullable().default(null),
})

/** Schema of a status as it is read: unknown members are ignored. */
export const statusSchema: z.ZodType<Status> = z.object({
  host: z.string(),
  cluster: z.string(),
  cluster_id: z.string().default(''),
  agent_version: z.string().default(''),
  head: optionalHead,
  applied: optionalHead,
  confirmed: optionalHead,
  state: z.string(),
  failed: z.object({ reason: z.string() }).nullable().default(null),
  objects: z
    .array(z.object({ name: z.string(), type: z.string(), state: z.string(), reason: text }))
    .default([]),
  peers: z
    .array(
      z.object({
        host: z.string(),
        peer_id: z.string().default(''),
        connected: z.boolean(),
        head: optionalHead,
      }),
    )
    .default([]),
  hosts: z.array(hostStatus).default([]),
  alarms: z.array(z.object({ code: z.string(), message: z.string(), host: text })).default([]),
})
