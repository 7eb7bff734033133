import { archiveEventSchema } from '../../../protocol/api/volumes.ts'
import { oneLine } from '../../../protocol/printable.ts'
import { noBody } from '../../agent-client/ask-long.ts'
import { nameOf } from '../../agent-client/client.ts'
import { answerLines } from '../../agent-client/lines.ts'
import { placeOf } from '../../agent-client/place.ts'
import { goneFailure } from '../../agent-client/stream.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/**
 * Has an agent make an archive, tells how many bytes it has, and returns the document of the end.
 * Throws `Failure`: the agent's own, `interrupted`, those of `askStream`.
 */
export async function followArchive(
  session: Session,
  path: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<unknown> {
  const question = { method: 'POST', path, admin: true, body: noBody() } as const
  for await (const value of answerLines(session, question, signal)) {
    const event = archiveEventSchema.safeParse(value)
    if (!event.success) continue
    if (event.data.event === 'progress') onBytes(event.data.bytes)
    if (event.data.event === 'done') return value
    if (event.data.event === 'failed') {
      const { code, message, hint } = event.data
      throw new Failure(1, code, oneLine(message), hint === null ? {} : { hint: oneLine(hint) })
    }
  }
  if (signal.aborted) throw new Failure(1, 'interrupted', 'interrupted; nothing was saved')
  const place = await placeOf(session)
  throw goneFailure(nameOf(place, place.admin), undefined)
}
