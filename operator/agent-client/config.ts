import type { Config } from '../../protocol/documents/config.ts'
import { parseConfig } from '../../protocol/documents/config.ts'
import { parseEnvelope } from '../../protocol/documents/envelope.ts'
import { faultText } from '../../protocol/fault.ts'
import { textOf } from '../signing/verify.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { ask, documentOf } from './client.ts'

/** The config that a node holds. Throws `Failure`: `no-config`, `answer-broken`, those of `ask`. */
export async function askConfig(session: Session): Promise<Config> {
  const answer = await ask(session, { method: 'GET', path: '/v1/config' })
  if (answer.status === 404) {
    const hint = 'send it one: covey inject FILE'
    throw new Failure(1, 'no-config', 'this node holds no config yet', { hint })
  }
  if (answer.status !== 200) documentOf(session, answer)
  const envelope = parseEnvelope(answer.text)
  if (!envelope.ok) throw new Failure(1, 'answer-broken', faultText(envelope.fault))
  const text = textOf(envelope.value)
  if (!text.ok) throw new Failure(1, 'answer-broken', faultText(text.fault))
  const parsed = parseConfig(text.value)
  if (!parsed.ok) throw new Failure(1, 'answer-broken', faultText(parsed.fault))
  if (!parsed.value.body.ok)
    throw new Failure(1, 'answer-broken', faultText(parsed.value.body.fault))
  return parsed.value.body.value
}
