import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'

/**
 * DER of an Ed25519 key up to its 32 bytes: PKCS #8 private, and SubjectPublicKeyInfo (RFC 8410).
 */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The private key that a 32-byte seed stands for. */
export function privateKeyOf(seed: Uint8Array): KeyObject {
  const key = Buffer.concat([pkcs8Prefix, seed])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/** The peer id of a seed, as libp2p writes it: `12D3KooW…`. */
export async function peerIdOf(seed: Uint8Array): Promise<string> {
  return peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed)).toString()
}

/** The public key inside a peer id, or null if it is not the peer id of an Ed25519 key. */
export function publicKeyOf(peerId: string): KeyObject | null {
  try {
    const peer = peerIdFromString(peerId)
    if (peer.type !== 'Ed25519') return null
    const key = Buffer.concat([spkiPrefix, peer.publicKey.raw])
    return createPublicKey({ key, format: 'der', type: 'spki' })
  } catch {
    return null
  }
}
