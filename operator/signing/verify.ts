import { flattenedVerify, importJWK } from 'jose'
import { type Config, headOf, parseConfig } from '../../protocol/documents/config.ts'
import { type DocumentKind, type Envelope, parseHeader } from '../../protocol/documents/envelope.ts'
import { type KeyRing, keysOf, type Role, type Root } from '../../protocol/documents/root.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import type { Head } from '../../protocol/heads.ts'
import { digestOf, thumbprintOf } from './digest.ts'

const signatureBytes = 64

/** The payload's bytes of an envelope that `parseEnvelope` took. */
export function payloadOf(envelope: Envelope): Uint8Array {
  return Buffer.from(envelope.payload, 'base64url')
}

/** The payload as text. Fault: `payload-not-utf8`. */
export function textOf(envelope: Envelope): Checked<string> {
  try {
    // A byte order mark is a part of the bytes that were signed, so it is kept, and refused as
    // JSON.
    return good(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payloadOf(envelope)),
    )
  } catch {
    return bad('payload-not-utf8', 'the payload is not UTF-8', 'payload')
  }
}

/**
 * The distinct keys of `ring` whose signatures are good. Each signature is verified by itself with
 * the one key that its `kid` names, because `generalVerify` stops at the first good one. A
 * signature by a key that nobody here knows counts for nothing; a wrong one by a known key refuses
 * the document. The codes of faults are those of a node (agent/state/verify.ts).
 *
 * Faults: those of `parseHeader`, `root-kid`, `signature-malformed`, `bad-signature`.
 */
export async function verifiedKids(
  kind: DocumentKind,
  envelope: Envelope,
  ring: KeyRing,
): Promise<Checked<readonly string[]>> {
  const kids = new Set<string>()
  for (const [index, { protected: header, signature }] of envelope.signatures.entries()) {
    const path = `signatures.${index}`
    const kid = parseHeader(header, kind)
    if (!kid.ok) return bad(kid.fault.code, kid.fault.message, `${path}.protected`)
    const jwk = Object.hasOwn(ring, kid.value) ? ring[kid.value] : undefined
    if (jwk === undefined) continue
    if (thumbprintOf(jwk) !== kid.value) {
      return bad('root-kid', `the root calls a key ${kid.value} that has another thumbprint`, path)
    }
    if (Buffer.from(signature, 'base64url').length !== signatureBytes) {
      return bad('signature-malformed', 'an Ed25519 signature has 64 bytes', `${path}.signature`)
    }
    try {
      const key = await importJWK({ ...jwk }, 'Ed25519')
      const flattened = { protected: header, payload: envelope.payload, signature }
      await flattenedVerify(flattened, key, { algorithms: ['Ed25519'] })
    } catch {
      const message = `the signature by key ${kid.value} does not fit the payload; one of them was changed`
      return bad('bad-signature', message, path)
    }
    kids.add(kid.value)
  }
  return good([...kids])
}

/** A config whose signatures meet the threshold of its epoch's root. */
export interface VerifiedConfig {
  readonly envelope: Envelope
  readonly text: string
  readonly head: Head
  readonly kids: readonly string[]
  readonly config: Config
}

/** A config whose signatures are good, of which there may still be too few. */
export interface AssessedConfig extends VerifiedConfig {
  /** How many further config keys of its epoch's root must sign it. */
  readonly missing: number
}

/**
 * What a config is verified against: the cluster's id and its roots, `roots[0]` being the first.
 */
export interface Trust {
  readonly clusterId: string
  readonly roots: readonly Root[]
}

/**
 * Verifies a config as far as it is signed. Faults: those of `verifiedKids` and `parseConfig`,
 * `payload-not-utf8`, `unknown-key`, `other-cluster`, `epoch-ahead`, `body-hosts`.
 */
export async function assessConfig(
  envelope: Envelope,
  trust: Trust,
): Promise<Checked<AssessedConfig>> {
  const kids = await verifiedKids('config', envelope, keysOf(trust.roots))
  if (!kids.ok) return kids
  if (kids.value.length === 0)
    return bad('unknown-key', 'no key of this cluster has signed it', 'signatures')
  const text = textOf(envelope)
  if (!text.ok) return text
  const parsed = parseConfig(text.value)
  if (!parsed.ok) return parsed
  const { claims, body } = parsed.value
  if (claims.aud !== trust.clusterId)
    return bad('other-cluster', 'it is for another cluster', 'aud')
  const root = trust.roots[claims.epoch - 1]
  if (root === undefined) {
    return bad('epoch-ahead', `there is no root document ${claims.epoch} here`, 'epoch')
  }
  if (!body.ok) return body
  const missing = missingOf(root.config, kids.value)
  const head = headOf(claims, digestOf(payloadOf(envelope)))
  return good({ envelope, text: text.value, head, kids: kids.value, config: body.value, missing })
}

/** How many further keys of a role must sign. */
export function missingOf(role: Role, kids: readonly string[]): number {
  const counted = new Set(kids.filter((kid) => Object.hasOwn(role.keys, kid)))
  return Math.max(0, role.threshold - counted.size)
}

/** Verifies a signed config. Faults: those of `assessConfig`, `below-threshold`. */
export async function verifyConfig(
  envelope: Envelope,
  trust: Trust,
): Promise<Checked<VerifiedConfig>> {
  const assessed = await assessConfig(envelope, trust)
  if (!assessed.ok) return assessed
  const { missing, ...verified } = assessed.value
  if (missing === 0) return good(verified)
  const { epoch } = verified.head
  const { threshold } = trust.roots[epoch - 1]?.config ?? { threshold: 1 }
  return bad(
    'below-threshold',
    `root ${epoch} asks for ${threshold} of its config keys`,
    'signatures',
  )
}
