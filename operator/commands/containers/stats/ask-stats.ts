import { type StatsSample, statsSchema } from '../../../../protocol/api/stats.ts'
import { agentTooOld, ask, documentOf } from '../../../agent-client/client.ts'
import { Failure } from '../../../terminal/failure.ts'
import type { Session } from '../../../terminal/session.ts'

/** Counters of a host. Throws as `ask` does, `answer-broken`, `agent-too-old`, `interrupted`. */
export async function askStats(session: Session, signal: AbortSignal): Promise<StatsSample> {
  const answer = await ask(session, { method: 'GET', path: '/v1/stats', signal })
  if (answer.status === 404) throw agentTooOld()
  const sample = statsSchema.safeParse(documentOf(session, answer))
  if (sample.success) return sample.data
  throw new Failure(1, 'answer-broken', 'the agent gave counters in an unknown form', {
    hint: 'use the covey of the same version as the agent',
  })
}
