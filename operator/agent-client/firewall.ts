import * as z from 'zod'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { ask, documentOf } from './client.ts'

/** The firewall of a node as its kernel has it. */
export interface LiveFirewall {
  readonly host: string
  /** Whether there is a table of covey's. */
  readonly present: boolean
  /** Packets by counter, as `refused_in`. */
  readonly counters: Readonly<Record<string, number>>
  /** With a flow: whether the table lets its first packet pass. */
  readonly passes: boolean | null
}

const schema: z.ZodType<LiveFirewall> = z.object({
  host: z.string(),
  present: z.boolean(),
  counters: z.record(z.string(), z.number()),
  passes: z.boolean().nullable(),
})

/** A flow in the words of the control API. */
export interface LiveFlow {
  readonly from: string
  readonly to: string
  readonly port: string
}

/** Asks a node for its firewall. Throws `Failure`: `answer-broken`, those of `ask`. */
export async function askFirewall(session: Session, flow?: LiveFlow): Promise<LiveFirewall> {
  const query = flow === undefined ? '' : `?${new URLSearchParams({ ...flow })}`
  const answer = await ask(session, { method: 'GET', path: `/v1/firewall${query}` })
  const parsed = schema.safeParse(documentOf(session, answer))
  if (parsed.success) return parsed.data
  throw new Failure(1, 'answer-broken', 'the agent told of its firewall in an unknown form')
}
