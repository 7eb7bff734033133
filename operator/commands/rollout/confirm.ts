import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/** Asks a person; throws `Failure` `not-confirmed` unless the answer is yes. */
export async function confirm(session: Session, question: string, yes: string): Promise<void> {
  if (!session.io.canAsk) {
    throw new Failure(2, 'not-confirmed', 'nobody is there to ask', {
      hint: `say yes beforehand: ${yes}`,
    })
  }
  let reply: string
  try {
    reply = await session.io.ask(`${question} [y/N] `)
  } catch {
    reply = ''
  }
  if (/^y(es)?$/i.test(reply.trim())) return
  throw new Failure(1, 'not-confirmed', 'not sent: you did not say yes')
}
