import { volumesSchema } from '../../../protocol/api/volumes.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { adminPruneMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'
import { sizeText } from '../images/progress.ts'

/** `covey volume list`. */
export async function showVolumes(session: Session): Promise<void> {
  const question = { method: 'GET', path: '/v1/volumes', admin: true } as const
  const answer = await ask(session, { ...question, timeoutMs: adminPruneMsMax })
  const document = documentOf(session, answer)
  const parsed = volumesSchema.safeParse(document)
  if (!parsed.success) {
    throw new Failure(1, 'answer-broken', 'the agent listed its volumes in an unknown form', {
      hint: 'use the covey of the same version as the agent',
    })
  }
  const { volumes } = parsed.data
  if (volumes.length === 0) return session.result(document, 'there are no volumes on this host\n')
  const rows = volumes.map(({ name, bytes, free_bytes, used_by }): readonly Cell[] => [
    name,
    bytes === null ? '-' : sizeText(bytes),
    sizeText(free_bytes),
    used_by.length === 0 ? { text: 'unused', tone: 'quiet' } : used_by.join(', '),
  ])
  session.result(document, table(['VOLUME', 'SIZE', 'FREE', 'USED BY'], rows, session.paint))
}
