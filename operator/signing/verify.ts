import { textOfPayload, verifyDocument, verifySignatures } from '../../platform/signatures.ts'
import { type Config, headOf, parseConfig } from '../../protocol/documents/config.ts'
import type { DocumentKind, Envelope, SignedDocument } from '../../protocol/documents/envelope.ts'
import { type KeyRing, keysOf, type Role, type Root } from '../../protocol/documents/root.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import type { Head } from '../../protocol/heads.ts'

/** The payload's bytes of an envelope that `parseEnvelope` took. */
export function payloadOf(envelope: Envelope): Uint8Array {
  return Buffer.from(envelope.payload, 'base64url')
}

function documentOf(envelope: Envelope): SignedDocument {
  return { payload: payloadOf(envelope), signatures: envelope.signatures }
}

/** The payload as text. Fault: `payload-not-utf8`. */
export function textOf(envelope: Envelope): Checked<string> {
  return textOfPayload(payloadOf(envelope))
}

/**
 * The distinct keys of `ring` whose signatures are good; there may be none. Faults: those of
 * `verifySignatures`.
 */
export async function verifiedKids(
  kind: DocumentKind,
  envelope: Envelope,
  ring: KeyRing,
): Promise<Checked<readonly string[]>> {
  const found = await verifySignatures(documentOf(envelope), kind, ring)
  return found.ok ? good(found.value.kids) : found
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
  /** The number of further config keys of its epoch's root that must sign it. */
  readonly missing: number
}

/**
 * The proof that a config is verified against: the cluster's id and its roots, `roots[0]` being the
 * first.
 */
export interface Trust {
  readonly clusterId: string
  readonly roots: readonly Root[]
}

/**
 * Verifies a config as far as it is signed. Faults: those of `verifyDocument` and `parseConfig`,
 * `other-cluster`, `epoch-ahead`, `body-hosts`.
 */
export async function assessConfig(
  envelope: Envelope,
  trust: Trust,
): Promise<Checked<AssessedConfig>> {
  const verified = await verifyDocument(documentOf(envelope), 'config', keysOf(trust.roots))
  if (!verified.ok) return verified
  const { payload: text, kids } = verified
  const parsed = parseConfig(text)
  if (!parsed.ok) return parsed
  const { claims, body } = parsed.value
  if (claims.aud !== trust.clusterId)
    return bad('other-cluster', 'it is for another cluster', 'aud')
  const root = trust.roots[claims.epoch - 1]
  if (root === undefined) {
    return bad('epoch-ahead', `there is no root document ${claims.epoch} here`, 'epoch')
  }
  if (!body.ok) return body
  const missing = missingOf(root.config, kids)
  const head = headOf(claims, verified.digest)
  return good({ envelope, text, head, kids, config: body.value, missing })
}

/** The number of further keys of a role that must sign. */
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
