import * as z from 'zod'
import type { Head } from '../../protocol/heads.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { ask, documentOf, type Question } from './client.ts'

/** One row of `hosts`: what this node has heard of a host. */
export interface HostStatus {
  readonly host: string
  readonly state: string
  readonly head: Head | null
  readonly applied: Head | null
  readonly objects: {
    readonly converged: number
    readonly pending: number
    readonly failed: number
    readonly unsupported: number
  }
  /** Seconds since it was told; null for never. */
  readonly age_seconds: number | null
}

/** `GET /v1/status`, as far as this program looks at it (docs/OPERATING.md). */
export interface Status {
  readonly host: string
  readonly cluster: string
  /** Digest of the cluster's first root; empty where the agent does not say. */
  readonly cluster_id: string
  readonly head: Head | null
  readonly applied: Head | null
  readonly state: string
  readonly failed: { readonly reason: string } | null
  readonly objects: readonly {
    readonly name: string
    readonly type: string
    readonly state: string
    readonly reason: string | null
  }[]
  readonly peers: readonly { readonly host: string; readonly connected: boolean }[]
  readonly hosts: readonly HostStatus[]
  readonly alarms: readonly {
    readonly code: string
    readonly message: string
    readonly host: string | null
  }[]
}

const head: z.ZodType<Head> = z.object({
  epoch: z.number(),
  version: z.number(),
  digest: z.string(),
})
const optionalHead: z.ZodType<Head | null> = head.nullable().default(null)
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

/** Members that this version does not know are passed over: the agent may be newer. */
const statusSchema: z.ZodType<Status> = z.object({
  host: z.string(),
  cluster: z.string(),
  cluster_id: z.string().default(''),
  head: optionalHead,
  applied: optionalHead,
  state: z.string(),
  failed: z.object({ reason: z.string() }).nullable().default(null),
  objects: z
    .array(z.object({ name: z.string(), type: z.string(), state: z.string(), reason: text }))
    .default([]),
  peers: z.array(z.object({ host: z.string(), connected: z.boolean() })).default([]),
  hosts: z.array(hostStatus).default([]),
  alarms: z.array(z.object({ code: z.string(), message: z.string(), host: text })).default([]),
})

/** A status as it came, and as it is understood. */
export interface StatusAnswer {
  readonly document: unknown
  readonly status: Status
}

/** Asks an agent for its status. Throws as `ask` does, and `Failure` `answer-broken`. */
export async function askStatus(
  session: Session,
  options: Pick<Question, 'timeoutMs'> = {},
): Promise<StatusAnswer> {
  const document = documentOf(
    session,
    await ask(session, { method: 'GET', path: '/v1/status', ...options }),
  )
  const parsed = statusSchema.safeParse(document)
  if (parsed.success) return { document, status: parsed.data }
  const path = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new Failure(1, 'answer-broken', `the status of the agent is not understood (at ${path})`, {
    hint: 'use the covey of the same version as the agent',
  })
}
