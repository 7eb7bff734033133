import { type Status, statusSchema } from '../../protocol/api/status.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { ask, documentOf, type Question } from './client.ts'

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
