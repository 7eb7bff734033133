import type { Envelope, SignedDocument } from '../../protocol/documents/envelope.ts'

/** The bytes that an envelope carries. Its base64url is known to be canonical. */
export function documentOf(envelope: Envelope): SignedDocument {
  const payload = new Uint8Array(Buffer.from(envelope.payload, 'base64url'))
  return { payload, signatures: envelope.signatures }
}

/** The envelope of a document. The same document always gives the same envelope. */
function envelopeOf(document: SignedDocument): Envelope {
  const { buffer, byteOffset, byteLength } = document.payload
  const payload = Buffer.from(buffer, byteOffset, byteLength).toString('base64url')
  return { payload, signatures: document.signatures }
}

/** The envelope as text, as it is stored and handed out. */
export function envelopeText(document: SignedDocument): string {
  return JSON.stringify(envelopeOf(document))
}
