import { orderedSchema } from '../../../../protocol/api/containers.ts'
import { agentTooOld, ask, documentOf } from '../../../agent-client/client.ts'
import { type KnownContainer, shownName } from '../../../all-hosts/find.ts'
import { Failure } from '../../../terminal/failure.ts'
import type { Session } from '../../../terminal/session.ts'

/** Something that containers are asked to do. */
export type Verb = 'start' | 'stop' | 'restart'

/** An order as far as it is carried out. */
export interface Ordered extends KnownContainer {
  /** `waiting`: it is taken, and not carried out yet. */
  readonly state: 'waiting' | 'done' | 'failed'
  /** False where nothing was to be done. */
  readonly changed: boolean
  /** One line, without the name; null where there is nothing to add. */
  readonly note: string | null
  /** The reason of a failure; null without one. */
  readonly failure: Failure | null
}

/** The container of an order, for people: `shop/web on cloud01`. */
export function orderLabel(order: Ordered): string {
  const where = order.host === '' ? '' : ` on ${order.host}`
  return `${shownName(order)}${where}`
}

const refusals = ['held', 'faulty']

/** Gives one order. Never rejects for a `Failure`: what is not taken is `failed`. */
export async function askOrder(
  session: Session,
  verb: Verb,
  target: KnownContainer,
  releases: boolean,
): Promise<Ordered> {
  const { host, object, service, replica } = target
  const about = { host, object, service, replica }
  const query = releases ? '?release=1' : ''
  const path = `/v1/containers/${encodeURIComponent(object)}/${verb}${query}`
  try {
    const answer = await ask(session, { method: 'POST', path, admin: true })
    const { changed, note } = orderedSchema.parse(documentOf(session, answer))
    return { ...about, state: changed ? 'waiting' : 'done', changed, note, failure: null }
  } catch (error) {
    return { ...about, state: 'failed', changed: false, note: null, failure: failureOf(error) }
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Failure)) {
    return new Failure(1, 'answer-broken', 'the answer of the agent is not understood', {
      hint: 'use the covey of the same version as the agent',
      cause: error,
    })
  }
  if (error.code === 'not-found') return agentTooOld(error)
  if (!refusals.includes(error.code)) return error
  const hint = error.hint === undefined ? {} : { hint: error.hint }
  return new Failure(4, error.code, error.message, { ...hint, cause: error })
}
