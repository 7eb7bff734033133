import * as z from 'zod'

/** Every answer of a socket but 200: problem details of RFC 9457 with a stable `code`. */
export interface ProblemDetails {
  readonly title?: string | undefined
  readonly status?: number | undefined
  readonly detail?: string | undefined
  readonly code?: string | undefined
  readonly hint?: string | undefined
}

const text: z.ZodType<string | undefined> = z.string().optional().catch(undefined)

/** Schema of a problem as it is read: what has another form is as good as absent. */
export const problemSchema: z.ZodType<ProblemDetails> = z.object({
  title: text,
  status: z.number().optional().catch(undefined),
  detail: text,
  code: text,
  hint: text,
})

/** Trailer of a streamed answer that failed: a problem as JSON, percent-encoded. */
export const faultTrailer: string = 'covey-fault'
