import type { Config } from '../../protocol/documents/config.ts'
import { parseConfig } from '../../protocol/documents/config.ts'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import { faultText } from '../../protocol/fault.ts'
import { textOf } from '../signing/verify.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { ask, documentOf } from './client.ts'

/** The head of a node as it is signed. Throws `Failure`: `no-config`, `answer-broken`, as `ask`. */
export async function askEnvelope(session: Session): Promise<Envelope> {
  const answer = await ask(session, { method: 'GET', path: '/v1/config' })
  if (answer.status === 404) {
    const hint = 'send it one: covey inject FILE'
    throw new Failure(1, 'no-config', 'this node holds no config yet', { hint })
  }
  documentOf(session, answer)
  const envelope = parseEnvelope(answer.text)
  if (envelope.ok) return envelope.value
  throw new Failure(1, 'answer-broken', faultText(envelope.fault))
}

/** The config that a node holds, not verified. Throws as `askEnvelope` does. */
export async function askConfig(session: Session): Promise<Config> {
  const text = textOf(await askEnvelope(session))
  if (!text.ok) throw new Failure(1, 'answer-broken', faultText(text.fault))
  const parsed = parseConfig(text.value)
  if (!parsed.ok) throw new Failure(1, 'answer-broken', faultText(parsed.fault))
  if (!parsed.value.body.ok)
    throw new Failure(1, 'answer-broken', faultText(parsed.value.body.fault))
  return parsed.value.body.value
}
