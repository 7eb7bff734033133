import { type IncomingVolume, incomingSchema } from '../../../protocol/api/volumes.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { adminPruneMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { asRefusal } from './name.ts'

/** A move as the host knows it that the volumes go to. */
export interface MoveTerms {
  readonly id: string
  readonly from: string
  readonly replace: boolean
}

/** Asks for the volume that a host waits for; null for none. `session` asks that host. */
export async function askIncoming(
  session: Session,
  volume: string,
): Promise<IncomingVolume | null> {
  const path = `/v1/volumes/${volume}/incoming`
  const answer = await ask(session, { method: 'GET', path, admin: true })
  if (answer.status === 404 && /"no-such-move"/.test(answer.text)) return null
  try {
    return incomingSchema.parse(documentOf(session, answer))
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'not-found') throw error
    throw new Failure(4, 'agent-too-old', 'the agent of the other host does not know moves yet', {
      hint: 'put the covey of this version on that host',
      cause: error,
    })
  }
}

/** Has a host wait for a volume. Throws the agent's refusals with exit code 4. */
export async function beginIncoming(
  session: Session,
  volume: string,
  { id, from, replace }: MoveTerms,
): Promise<void> {
  const query = `id=${id}&from=${from}${replace ? '&replace=1' : ''}`
  await change(session, 'POST', `/v1/volumes/${volume}/incoming?${query}`)
}

/** Lets a host use what has come. */
export async function finishIncoming(
  session: Session,
  volume: string,
  { id, sha256 }: { readonly id: string; readonly sha256: string },
): Promise<void> {
  await change(session, 'POST', `/v1/volumes/${volume}/incoming/finish?id=${id}&sha256=${sha256}`)
}

/** Has a host wait no longer. */
export async function abortIncoming(session: Session, volume: string): Promise<void> {
  await change(session, 'DELETE', `/v1/volumes/${volume}/incoming`)
}

async function change(session: Session, method: 'POST' | 'DELETE', path: string): Promise<void> {
  const question = { method, path, admin: true, timeoutMs: adminPruneMsMax }
  try {
    documentOf(session, await ask(session, question))
  } catch (error) {
    throw asRefusal(error)
  }
}
