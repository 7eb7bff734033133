import { answerBytesMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { heard } from './heard.ts'
import { askStream, type StreamQuestion } from './stream.ts'

/**
 * The documents of an answer that tells one on each line; null for a line that is none. Throws as
 * `askStream`, `answer-too-large`.
 */
export async function* answerLines(
  session: Session,
  question: StreamQuestion,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  let rest = ''
  for await (const chunk of askStream(session, question, signal)) {
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > answerBytesMax) {
      throw new Failure(1, 'answer-too-large', 'the answer of the agent is too large')
    }
    for (const line of parts) yield documentOrNull(session, line)
  }
}

function documentOrNull(session: Session, line: string): unknown {
  try {
    return heard(session, line)
  } catch {
    return null
  }
}
