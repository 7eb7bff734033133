import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { HostKeys } from '../../../reconcilers/host-ports.ts'

/** A WireGuard key pair, base64. */
export interface KeyPair {
  readonly privateKey: string
  readonly publicKey: string
}

/** Makes a key pair (RFC 7748, X25519), as `wg genkey` and `wg pubkey` do. */
export function makeKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('x25519')
  const { d } = privateKey.export({ format: 'jwk' })
  const { x } = createPublicKey(
    createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  ).export({ format: 'jwk' })
  const base64 = (text: string | undefined): string =>
    Buffer.from(String(text), 'base64url').toString('base64')
  return { privateKey: base64(d), publicKey: base64(x) }
}

/** The keys of a host, the newest first. */
export function hostKeys(pairs: readonly KeyPair[]): HostKeys {
  return {
    wireguardPublicKeys: async () => pairs.map((pair) => pair.publicKey),
    wireguardPrivateKey: async (publicKey) =>
      pairs.find((pair) => pair.publicKey === publicKey)?.privateKey ?? null,
  }
}
