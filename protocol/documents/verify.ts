import { bad, type Checked, type Fault, good } from '../fault.ts'
import { decodeBase64url } from './base64url.ts'
import {
  type DocumentKind,
  parseHeader,
  type SignatureText,
  type SignedDocument,
} from './envelope.ts'
import type { KeyRing, PublicJwk } from './root.ts'

const signatureBytes = 64

/**
 * Platform functions of a verifier: the protocol has no cryptography and no decoder of its own.
 * All programs hand the same one in (platform/signatures.ts).
 */
export interface DocumentChecks {
  /** Identity of a document: `sha256:<hex>` of its payload's bytes. */
  digestOf(payload: Uint8Array): string
  /** The payload as text, a byte order mark kept; null where it is not UTF-8. */
  textOf(payload: Uint8Array): string | null
  /** RFC 7638 thumbprint of a key, in base64url. */
  thumbprintOf(key: PublicJwk): string
  /** True if a signature is good by this key and by Ed25519, whatever its header asks for. */
  isGood(payload: Uint8Array, signature: SignatureText, key: PublicJwk): Promise<boolean>
}

/** Result of verifying a document. */
export type Verified =
  | {
      readonly ok: true
      /** Identity of the config. */
      readonly digest: string
      /** The verified payload, decoded. */
      readonly payload: string
      /** Distinct keys of the ring whose signatures were good. */
      readonly kids: readonly string[]
      /** One good signature of each of them, and none by a key that the ring does not have. */
      readonly signatures: readonly SignatureText[]
    }
  | { readonly ok: false; readonly fault: Fault }

/** Signatures of a document that are good, one of each key. */
export interface GoodSignatures {
  readonly kids: readonly string[]
  readonly signatures: readonly SignatureText[]
  /** A key that has signed and that the ring does not have. */
  readonly stranger: string | null
}

/**
 * Verifies each signature of a document by itself, with the one key that its `kid` names in `ring`.
 * A signature by a key of the ring must be good, or the document has been tampered with; one by a
 * key that the ring does not have is not counted. Faults: the header's, `root-kid`,
 * `signature-malformed`, `bad-signature`.
 */
export async function verifySignatures(
  checks: DocumentChecks,
  document: SignedDocument,
  kind: DocumentKind,
  ring: KeyRing,
): Promise<Checked<GoodSignatures>> {
  const kids: string[] = []
  const signatures: SignatureText[] = []
  let stranger: string | null = null
  for (const [index, entry] of document.signatures.entries()) {
    const path = `signatures.${index}`
    const kid = parseHeader(entry.protected, kind)
    if (!kid.ok) return bad(kid.fault.code, kid.fault.message, `${path}.protected`)
    const jwk = Object.hasOwn(ring, kid.value) ? ring[kid.value] : undefined
    if (jwk === undefined) {
      stranger = kid.value
      continue
    }
    if (checks.thumbprintOf(jwk) !== kid.value) {
      return bad(
        'root-kid',
        `the root calls a key ${kid.value} whose thumbprint is different`,
        path,
      )
    }
    if (decodeBase64url(entry.signature)?.length !== signatureBytes) {
      return bad('signature-malformed', 'an Ed25519 signature has 64 bytes', `${path}.signature`)
    }
    if (!(await checks.isGood(document.payload, entry, jwk))) {
      const message = `the signature by key ${kid.value} does not match the payload; one of them was changed`
      return bad('bad-signature', message, path)
    }
    if (kids.includes(kid.value)) continue
    kids.push(kid.value)
    signatures.push(entry)
  }
  return good({ kids, signatures, stranger })
}

/**
 * Verifies a document: at least one key of `ring` has signed it, and what was signed is text.
 * Faults: those of `verifySignatures` and `payloadText`, `unknown-key`.
 */
export async function verifyDocument(
  checks: DocumentChecks,
  document: SignedDocument,
  kind: DocumentKind,
  ring: KeyRing,
): Promise<Verified> {
  const found = await verifySignatures(checks, document, kind, ring)
  if (!found.ok) return found
  const { kids, signatures, stranger } = found.value
  if (kids.length === 0) {
    const message = `no key of this cluster has signed it, only key ${stranger}`
    return bad('unknown-key', message, 'signatures')
  }
  const text = payloadText(checks, document.payload)
  if (!text.ok) return text
  const digest = checks.digestOf(document.payload)
  return { ok: true, digest, payload: text.value, kids, signatures }
}

/**
 * A payload as text. A byte order mark is a part of the bytes that were signed, so it is kept, and
 * refused as JSON. Fault: `payload-not-utf8`.
 */
export function payloadText(checks: DocumentChecks, payload: Uint8Array): Checked<string> {
  const text = checks.textOf(payload)
  return text === null ? bad('payload-not-utf8', 'the payload is not UTF-8', 'payload') : good(text)
}
