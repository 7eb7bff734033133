import * as z from 'zod'

/** `GET /v1/firewall`: the firewall of a node as its kernel has it. */
export interface LiveFirewall {
  readonly host: string
  /** True if covey's table exists. */
  readonly present: boolean
  /** Packets by counter, such as `refused_in`. */
  readonly counters: Readonly<Record<string, number>>
  /** With a flow: whether the table lets its first packet pass. */
  readonly passes: boolean | null
}

/** Schema of a firewall. */
export const firewallSchema: z.ZodType<LiveFirewall> = z.object({
  host: z.string(),
  present: z.boolean(),
  counters: z.record(z.string(), z.number()),
  passes: z.boolean().nullable(),
})
