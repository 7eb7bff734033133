import { createHmac } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import type { SealedFor } from '../../reconcilers/runc/bundle/sealed.ts'
import type { SealNeed } from '../layout/needs.ts'

/** The recipient of sealed content: an object of a host. */
export type SealTarget = Pick<SealNeed, 'host' | 'object' | 'sealingKey'>

/**
 * Seals content to a host (docs/OBJECTS.md, secret): ECDH-ES with X25519 and A256GCM, with cluster,
 * host and name in the protected header.
 */
export async function sealToHost(
  content: Uint8Array,
  { sealingKey, ...need }: SealTarget,
  clusterId: string,
): Promise<string> {
  const bound: SealedFor = { aud: clusterId, host: need.host, name: need.object }
  const header = { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'covey-secret+jwe', ...bound }
  const key = { kty: 'OKP', crv: 'X25519', x: sealingKey }
  return await new CompactEncrypt(content).setProtectedHeader(header).encrypt(key)
}

/**
 * Digest of content and recipient under a key that only operators have: it says in the lock whether
 * either has changed, and nothing else to whoever reads the lock.
 */
export function keyedDigest(
  key: Uint8Array,
  content: Uint8Array,
  { host, object, sealingKey }: SealTarget,
  clusterId: string,
): string {
  const bound = JSON.stringify([clusterId, host, object, sealingKey])
  return createHmac('sha256', key).update(`${bound}\n`).update(content).digest('base64url')
}
