import { FlattenedSign } from 'jose'
import {
  type DocumentKind,
  type Envelope,
  headerText,
  type SignatureText,
} from '../../protocol/documents/envelope.ts'
import { type OperatorKey, privateKeyOf } from '../folder/keys.ts'

/** Signs a payload with each of the keys. The header is exactly the one of docs/PROTOCOL.md. */
export async function signPayload(
  kind: DocumentKind,
  payload: string,
  keys: readonly OperatorKey[],
): Promise<Envelope> {
  const bytes = new TextEncoder().encode(payload)
  const signatures: SignatureText[] = []
  for (const key of keys) {
    const signer = new FlattenedSign(bytes).setProtectedHeader(
      JSON.parse(headerText(kind, key.kid)),
    )
    const { protected: header = '', signature } = await signer.sign(await privateKeyOf(key))
    signatures.push({ protected: header, signature })
  }
  return { payload: Buffer.from(bytes).toString('base64url'), signatures }
}

/** An envelope as it is written to a file: one line. */
export function envelopeText(envelope: Envelope): string {
  return `${JSON.stringify(envelope)}\n`
}
