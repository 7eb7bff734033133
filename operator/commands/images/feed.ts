import { type ImageProgress, imageLineSchema } from '../../../protocol/api/images.ts'
import { oneLine } from '../../../protocol/printable.ts'
import { nameOf } from '../../agent-client/client.ts'
import { answerLines } from '../../agent-client/lines.ts'
import { placeOf } from '../../agent-client/place.ts'
import { goneFailure, type StreamQuestion } from '../../agent-client/stream.ts'
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
  for await (const value of answerLines(session, { ...question, admin: true }, signal)) {
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
