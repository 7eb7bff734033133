import * as z from 'zod'

/** `GET /v1/doctor`: what around covey on a host may keep it from working. */
export interface Checkup {
  readonly host: string
  readonly checks: readonly {
    readonly name: string
    readonly state: 'ok' | 'warning' | 'problem'
    readonly message: string
    readonly hint: string | null
  }[]
}

/** Schema of a checkup. */
export const checkupSchema: z.ZodType<Checkup> = z.object({
  host: z.string(),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'warning', 'problem']),
      message: z.string(),
      hint: z.string().nullable(),
    }),
  ),
})
