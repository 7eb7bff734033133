import { prunedSchema } from '../../../protocol/api/images.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { adminPruneMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import { sizeText } from './progress.ts'

/** `covey image prune`. */
export async function pruneImages(session: Session): Promise<void> {
  const question = { method: 'POST', path: '/v1/images/prune', admin: true } as const
  const document = documentOf(
    session,
    await ask(session, { ...question, timeoutMs: adminPruneMsMax }),
  )
  const parsed = prunedSchema.safeParse(document)
  if (!parsed.success) {
    throw new Failure(1, 'answer-broken', 'the agent answered in an unknown form', {
      hint: 'use the covey of the same version as the agent',
    })
  }
  const { removed, bytes } = parsed.data
  const lines = removed.map(({ digest, references }) => `removed ${references[0] ?? digest}\n`)
  const sum = `${counted(removed.length, 'image')} removed, ${sizeText(bytes)} freed\n`
  session.result(document, lines.join('') + sum)
}
