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
  const signatures = await signaturesOf(kind, bytes, keys)
  return { payload: Buffer.from(bytes).toString('base64url'), signatures }
}

/** The same payload with the signatures of further keys. */
export async function withSignatures(
  kind: DocumentKind,
  envelope: Envelope,
  keys: readonly OperatorKey[],
): Promise<Envelope> {
  const bytes = Buffer.from(envelope.payload, 'base64url')
  const added = await signaturesOf(kind, bytes, keys)
  return { payload: envelope.payload, signatures: [...envelope.signatures, ...added] }
}

/** The signatures of two copies of one document, each key's once. */
export function mergedSignatures(one: Envelope, other: Envelope): Envelope {
  // Ed25519 is deterministic (RFC 8032 section 5.1.6), so a key's header says which one it is.
  const known = new Set(one.signatures.map((signature) => signature.protected))
  const added = other.signatures.filter((signature) => !known.has(signature.protected))
  return { payload: one.payload, signatures: [...one.signatures, ...added] }
}

async function signaturesOf(
  kind: DocumentKind,
  bytes: Uint8Array,
  keys: readonly OperatorKey[],
): Promise<readonly SignatureText[]> {
  const signatures: SignatureText[] = []
  for (const key of keys) {
    const signer = new FlattenedSign(bytes).setProtectedHeader(
      JSON.parse(headerText(kind, key.kid)),
    )
    const { protected: header = '', signature } = await signer.sign(await privateKeyOf(key))
    signatures.push({ protected: header, signature })
  }
  return signatures
}

/** An envelope as it is written to a file: one line. */
export function envelopeText(envelope: Envelope): string {
  return `${JSON.stringify(envelope)}\n`
}
