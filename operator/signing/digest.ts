import { createHash } from 'node:crypto'
import type { PublicJwk } from '../../protocol/documents/root.ts'

/** Identity of a document: `sha256:<hex>` of its payload's bytes. */
export function digestOf(payload: Uint8Array): string {
  return `sha256:${createHash('sha256').update(payload).digest('hex')}`
}

/** RFC 7638 thumbprint of an Ed25519 key, in base64url. */
export function thumbprintOf(jwk: PublicJwk): string {
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return createHash('sha256').update(members).digest('base64url')
}
