import { peerIdFromString } from '@libp2p/peer-id'
import { compactVerify, importJWK } from 'jose'
import { isCanonicalBase64url } from '../../protocol/documents/base64url.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import { isSmallOrder } from '../../protocol/documents/root.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'

/** A host's public keys, bound together by a signature of its libp2p key. */
export interface Card {
  readonly host: string
  /** Peer id of an Ed25519 key, in base58btc. */
  readonly peerId: string
  /** 32 bytes in base64, as `wg` writes them. */
  readonly wireguardPublicKey: string
  readonly sealingPublicKey: string
  /** The card itself: a compact JWS. */
  readonly text: string
}

const headerText = JSON.stringify({ alg: 'Ed25519', typ: 'covey-card+jwt' })
const memberNames = ['host', 'peer_id', 'wireguard_public_key', 'sealing_public_key'] as const

/**
 * Verifies a card with the public key that its own peer id is. So it says nothing of whom the host
 * belongs to; it says that whoever holds the libp2p key chose the other keys and the name.
 *
 * Faults: `card-shape`, `card-header`, `card-payload`, `card-host`, `card-peer-id`, `card-key`,
 * `card-signature`.
 */
export async function verifyCard(text: string): Promise<Checked<Card>> {
  const parts = text.split('.')
  const [header = '', payload = ''] = parts
  if (parts.length !== 3 || !parts.every((part) => part !== '' && isCanonicalBase64url(part))) {
    return bad('card-shape', 'a card is a compact JWS: header.payload.signature')
  }
  if (Buffer.from(header, 'base64url').toString() !== headerText) {
    return bad('card-header', `the header of a card must be ${headerText}`)
  }
  const claims = parseClaims(Buffer.from(payload, 'base64url').toString())
  if (!claims.ok) return claims
  const {
    host,
    peer_id: peerId,
    wireguard_public_key: wireguard,
    sealing_public_key: sealing,
  } = claims.value
  if (!isName(host)) return bad('card-host', `"${host}" is not the name of a host`)
  const key = ed25519KeyOf(peerId)
  if (key === undefined)
    return bad('card-peer-id', 'its peer_id is not that of a valid Ed25519 key')
  if (!isKey(wireguard))
    return bad('card-key', 'its wireguard_public_key is not 32 bytes in base64')
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') }
    await compactVerify(text, await importJWK(jwk, 'Ed25519'), { algorithms: ['Ed25519'] })
  } catch {
    return bad(
      'card-signature',
      'the signature is wrong: the card was changed after the host made it',
    )
  }
  return good({ host, peerId, wireguardPublicKey: wireguard, sealingPublicKey: sealing, text })
}

type Claims = Readonly<Record<(typeof memberNames)[number], string>>

function parseClaims(text: string): Checked<Claims> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return bad('card-payload', 'its payload is not JSON')
  }
  const whole =
    isObject(value) &&
    Object.keys(value).join() === memberNames.join() &&
    Object.values(value).every((member) => typeof member === 'string') &&
    JSON.stringify(value) === text
  if (!whole) return bad('card-payload', `its payload must have exactly ${memberNames.join(', ')}`)
  return good(value as unknown as Claims)
}

/**
 * Reads what `covey identity --json` printed: the card, and beside it the same facts in clear,
 * which must agree with the signed ones. Faults: those of `verifyCard`, `card-file`,
 * `card-mismatch`.
 */
export async function parseIdentity(value: unknown): Promise<Checked<Card>> {
  const text = isObject(value) ? value['card'] : undefined
  if (!isObject(value) || typeof text !== 'string') {
    return bad('card-file', 'this is not what covey identity --json prints: it has no "card"')
  }
  const card = await verifyCard(text)
  if (!card.ok) return bad(card.fault.code, card.fault.message, 'card')
  const { host, peerId, wireguardPublicKey, sealingPublicKey } = card.value
  const signed = [host, peerId, wireguardPublicKey, sealingPublicKey]
  for (const [index, member] of memberNames.entries()) {
    if (value[member] === signed[index]) continue
    return bad('card-mismatch', 'differs from the signed card', member)
  }
  return card
}

function ed25519KeyOf(peerId: string): Uint8Array | undefined {
  try {
    const parsed = peerIdFromString(peerId)
    if (parsed.type !== 'Ed25519' || parsed.toString() !== peerId) return undefined
    return isSmallOrder(parsed.publicKey.raw) ? undefined : parsed.publicKey.raw
  } catch {
    return undefined
  }
}

/** True if a text is 32 bytes in the one spelling that `wg` writes. */
function isKey(text: string): boolean {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 && bytes.toString('base64') === text
}
