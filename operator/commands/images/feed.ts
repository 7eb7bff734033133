import { type ImageProgress, imageLineSchema } from '../../../protocol/api/images.ts'
import { oneLine } from '../../../protocol/printable.ts'
import { nameOf } from '../../agent-client/client.ts'
import { heard } from '../../agent-client/heard.ts'
import { placeOf } from '../../agent-client/place.ts'
import { askStream, goneFailure, type StreamQuestion } from '../../agent-client/stream.ts'
import { answerBytesMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/**
 * Asks the agent for something that takes its time, tells `onProgress` how far it is, and returns
 * the document of the end. Throws `Failure`: the agent's own (exit code 1, or 2 for a bad archive),
 * `interrupted` (1) after Ctrl-C, those of `askStream`.
 */
export async function followFeed(
  session: Session,
  question: StreamQuestion,
  onProgress: (progress: ImageProgress) => void,
): Promise<unknown> {
  const signal = session.io.interrupted()
  for await (const line of lines(askStream(session, { ...question, admin: true }, signal))) {
    const value = jsonOf(session, line)
    const event = imageLineSchema.safeParse(value)
    // Events that this version does not know are passed over: the agent may be newer.
    if (!event.success) continue
    if (event.data.event === 'progress') onProgress(event.data)
    if (event.data.event === 'done') return value
    if (event.data.event === 'failed') {
      const { code, message, hint } = event.data
      // What was handed in is at fault, as a file is that cannot be read.
      const exit = code.startsWith('archive-') ? 2 : 1
      throw new Failure(exit, code, oneLine(message), hint === null ? {} : { hint: oneLine(hint) })
    }
  }
  if (signal.aborted) {
    throw new Failure(1, 'interrupted', 'interrupted', {
      hint: 'layers that are already unpacked are not fetched again',
    })
  }
  const place = await placeOf(session)
  throw goneFailure(nameOf(place, place.admin), undefined)
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > answerBytesMax) {
      throw new Failure(1, 'answer-too-large', 'the answer of the agent is too large')
    }
    yield* parts
  }
}

function jsonOf(session: Session, line: string): unknown {
  try {
    return heard(session, line)
  } catch {
    return null
  }
}
