import { firewallSchema, type LiveFirewall } from '../../protocol/api/firewall.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { ask, documentOf } from './client.ts'

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
  const parsed = firewallSchema.safeParse(documentOf(session, answer))
  if (parsed.success) return parsed.data
  throw new Failure(1, 'answer-broken', 'the agent described its firewall in an unknown form')
}
