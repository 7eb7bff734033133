import { answerBytesMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { documentOf } from './client.ts'
import { askStream, type StreamQuestion } from './stream.ts'

/** A body without a byte: a question with one may take as long as it likes. */
export async function* noBody(): AsyncGenerator<Uint8Array> {}

/**
 * Asks as `askStream` does, and gives the document that the answer is; undefined where `signal` has
 * fired. Throws as `askStream`, `answer-broken`.
 */
export async function askLong(
  session: Session,
  question: StreamQuestion,
  signal: AbortSignal,
): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of askStream(session, question, signal)) {
    size += chunk.length
    if (size > answerBytesMax) throw unknownForm()
    chunks.push(chunk)
  }
  if (signal.aborted) return undefined
  return documentOf(session, { status: 200, text: Buffer.concat(chunks).toString('utf8') })
}

/** The failure for an answer that this covey does not understand. */
export function unknownForm(): Failure {
  return new Failure(1, 'answer-broken', 'the agent answered in an unknown form', {
    hint: 'use the covey of the same version as the agent',
  })
}
