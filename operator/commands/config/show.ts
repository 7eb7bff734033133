import { faultText } from '../../../protocol/fault.ts'
import { askEnvelope } from '../../agent-client/config.ts'
import { envelopeText } from '../../signing/sign.ts'
import { textOf } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** `covey config show [--jwt | --signed]`: the head of a node. */
export async function showConfig(session: Session, input: Input): Promise<void> {
  const envelope = await askEnvelope(session)
  const { payload, signatures } = envelope
  if (input.is('jwt')) {
    const [signature] = signatures
    if (signature === undefined || signatures.length > 1) {
      const message = `it has ${signatures.length} signatures, but a JWT has one`
      throw new Failure(1, 'not-one-signature', message, { hint: 'covey config show --signed' })
    }
    const jwt = `${signature.protected}.${payload}.${signature.signature}`
    return session.result({ jwt }, `${jwt}\n`)
  }
  if (input.is('signed')) return session.io.out(envelopeText(envelope))
  const text = textOf(envelope)
  if (!text.ok) throw new Failure(1, 'answer-broken', faultText(text.fault))
  session.io.out(jsonText(JSON.parse(text.value)))
}
