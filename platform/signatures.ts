import { createHash } from 'node:crypto'
import { flattenedVerify } from 'jose'
import type { DocumentKind, SignatureText, SignedDocument } from '../protocol/documents/envelope.ts'
import type { KeyRing, PublicJwk } from '../protocol/documents/root.ts'
import {
  type DocumentChecks,
  type GoodSignatures,
  payloadText,
  type Verified,
  verifySignatures as verifySignaturesWith,
  verifyDocument as verifyWith,
} from '../protocol/documents/verify.ts'
import type { Checked } from '../protocol/fault.ts'

const checks: DocumentChecks = { digestOf, textOf, thumbprintOf, isGood }

/** Identity of a document: `sha256:<hex>` of its payload's bytes. */
export function digestOf(payload: Uint8Array): string {
  return `sha256:${createHash('sha256').update(payload).digest('hex')}`
}

/**
 * RFC 7638 thumbprint of an Ed25519 key, in base64url: SHA-256 over its required members in
 * lexicographic order.
 */
export function thumbprintOf({ crv, kty, x }: PublicJwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
}

/** Verifies a document by the protocol's rules (protocol/documents/verify.ts), with jose. */
export async function verifyDocument(
  document: SignedDocument,
  kind: DocumentKind,
  ring: KeyRing,
): Promise<Verified> {
  return await verifyWith(checks, document, kind, ring)
}

/** Verifies the signatures of a document, of which there may still be none. */
export async function verifySignatures(
  document: SignedDocument,
  kind: DocumentKind,
  ring: KeyRing,
): Promise<Checked<GoodSignatures>> {
  return await verifySignaturesWith(checks, document, kind, ring)
}

/** A payload as text. Fault: `payload-not-utf8`. */
export function textOfPayload(payload: Uint8Array): Checked<string> {
  return payloadText(checks, payload)
}

function textOf(payload: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return null
  }
}

async function isGood(
  { buffer, byteOffset, length }: Uint8Array,
  entry: SignatureText,
  { kty, crv, x }: PublicJwk,
): Promise<boolean> {
  // One signature at a time, each with its own pinned key and algorithm: jose's generalVerify stops
  // at the first good one, and a token must never choose how it is verified (RFC 8725 section 3.1).
  const payload = Buffer.from(buffer, byteOffset, length).toString('base64url')
  const options = { algorithms: ['Ed25519'] }
  return await flattenedVerify({ payload, ...entry }, { kty, crv, x }, options).then(
    () => true,
    () => false,
  )
}
