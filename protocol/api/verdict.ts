import * as z from 'zod'
import type { Head } from '../heads.ts'
import { headSchema } from './status.ts'

/** A node's answer to an injected config (`POST /v1/config`). */
export interface VerdictSummary {
  readonly verdict: 'accepted' | 'already-head' | 'older' | 'fork' | 'refused'
  /** Stable; says more than the verdict where there is more to say. */
  readonly code: string
  readonly message: string
  readonly head: Head | null
}

/** All that a node says: the verdict, and every fault of the config's objects. */
export interface VerdictReply extends VerdictSummary {
  readonly faults: readonly { readonly path?: string | undefined; readonly message: string }[]
}

/** Schema of such a reply. */
export const verdictSchema: z.ZodType<VerdictReply> = z.object({
  verdict: z.enum(['accepted', 'already-head', 'older', 'fork', 'refused']),
  code: z.string(),
  message: z.string(),
  head: headSchema.nullable().default(null),
  faults: z.array(z.object({ path: z.string().optional(), message: z.string() })).default([]),
})
