import { parseEnvelope } from '../../../protocol/documents/envelope.ts'
import { faultText } from '../../../protocol/fault.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { envelopeText } from '../../signing/sign.ts'
import { textOf } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** `covey config show [--jwt | --signed]`: the head of a node. */
export async function showConfig(session: Session, input: Input): Promise<void> {
  const answer = await ask(session, { method: 'GET', path: '/v1/config' })
  if (answer.status === 404) {
    const hint = 'send it one: covey inject FILE'
    throw new Failure(1, 'no-config', 'this node holds no config yet', { hint })
  }
  documentOf(session, answer)
  const envelope = parseEnvelope(answer.text)
  if (!envelope.ok) throw new Failure(1, 'answer-broken', faultText(envelope.fault))
  const { payload, signatures } = envelope.value
  if (input.is('jwt')) {
    const [signature] = signatures
    if (signature === undefined || signatures.length > 1) {
      const message = `it has ${signatures.length} signatures, but a JWT has one`
      throw new Failure(1, 'not-one-signature', message, { hint: 'covey config show --signed' })
    }
    const jwt = `${signature.protected}.${payload}.${signature.signature}`
    return session.result({ jwt }, `${jwt}\n`)
  }
  if (input.is('signed')) return session.io.out(envelopeText(envelope.value))
  const text = textOf(envelope.value)
  if (!text.ok) throw new Failure(1, 'answer-broken', faultText(text.fault))
  session.io.out(jsonText(JSON.parse(text.value)))
}
