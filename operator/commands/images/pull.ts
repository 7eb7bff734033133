import { parseReference, referenceText } from '../../../reconcilers/images/reference.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { followFeed } from './feed.ts'
import { progressLine } from './progress.ts'

/** `covey image pull REFERENCE`. */
export async function pullImage(session: Session, input: Input): Promise<void> {
  const text = input.args[0] ?? ''
  const parsed = parseReference(text)
  if (!parsed.ok) {
    throw new Failure(2, parsed.fault.code, `${text} ${parsed.fault.message}`, {
      hint: 'covey image pull registry.example/team/web@sha256:…',
    })
  }
  const reference = referenceText(parsed.value)
  const progress = progressLine(session)
  const path = `/v1/images/pull?reference=${encodeURIComponent(reference)}`
  progress.say(`pulling ${reference}`)
  try {
    const document = await followFeed(session, { method: 'POST', path }, progress.show)
    progress.end()
    session.result(document, `${reference} is on this host\n`)
  } catch (error) {
    progress.end()
    throw error
  }
}
