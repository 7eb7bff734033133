import { createHash } from 'node:crypto'
import { flattenedVerify } from 'jose'
import {
  type DocumentKind,
  parseHeader,
  type SignatureText,
  type SignedDocument,
} from '../../protocol/documents/envelope.ts'
import { type KeyRing, keysOf, type PublicJwk, parseRoot } from '../../protocol/documents/root.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import { judgeRoot, keepSigners, signsItself } from '../../protocol/node/chain.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import type { Verified } from '../../protocol/node/effects.ts'

const signatureBytes = 64

/** Identity of a document: `sha256:<hex>` of its payload's bytes. */
function digestOf(payload: Uint8Array): string {
  return `sha256:${createHash('sha256').update(payload).digest('hex')}`
}

/**
 * Verifies each signature of a document with the one key that its `kid` names in `ring`. A
 * signature by a key of the ring must be good, or the document has been tampered with; one by a key
 * that the ring does not have is not counted. Faults: the header's, `signature-malformed`,
 * `bad-signature`, `unknown-key`, `payload-not-utf8`.
 */
export async function verifyDocument(
  document: SignedDocument,
  kind: DocumentKind,
  ring: KeyRing,
): Promise<Verified> {
  const digest = digestOf(document.payload)
  const payload = Buffer.from(
    document.payload.buffer,
    document.payload.byteOffset,
    document.payload.length,
  )
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
    if (thumbprintOf(jwk) !== kid.value) {
      return bad('root-kid', `the root calls a key ${kid.value} that has another thumbprint`, path)
    }
    if (Buffer.from(entry.signature, 'base64url').length !== signatureBytes) {
      return bad('signature-malformed', 'an Ed25519 signature has 64 bytes', `${path}.signature`)
    }
    if (!(await isGood(payload.toString('base64url'), entry, jwk))) {
      const message = `the signature by key ${kid.value} does not fit the payload; one of them was changed`
      return bad('bad-signature', message, path)
    }
    if (kids.includes(kid.value)) continue
    kids.push(kid.value)
    signatures.push(entry)
  }
  if (kids.length === 0) {
    return bad(
      'unknown-key',
      `signed by key ${stranger}, which no root of this cluster names`,
      'signatures',
    )
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document.payload)
    return { ok: true, digest, payload: text, kids, signatures }
  } catch {
    return bad('payload-not-utf8', 'the payload is not UTF-8', 'payload')
  }
}

async function isGood(
  payload: string,
  entry: { readonly protected: string; readonly signature: string },
  jwk: PublicJwk,
): Promise<boolean> {
  // One signature at a time, each with its own pinned key and algorithm: jose's generalVerify stops
  // at the first good one, and a token must never choose how it is verified (RFC 8725 section 3.1).
  const key = { kty: jwk.kty, crv: jwk.crv, x: jwk.x }
  return await flattenedVerify({ payload, ...entry }, key, { algorithms: ['Ed25519'] }).then(
    () => true,
    () => false,
  )
}

/**
 * Proves a root document by the ones before it (`vouchers`), or, as the first of a cluster, by
 * itself alone: that it is the right one is then said by its digest. The same rules as the node's
 * own, for what is read from the disk or a bundle. Faults: those of `verifyDocument`, `judgeRoot`
 * and `signsItself`.
 */
export async function verifyRoot(
  document: SignedDocument,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[] = [],
): Promise<Checked<HeldRoot>> {
  const [first] = chain
  const proven =
    first === undefined ? readFirst(document) : await vouchedFor(document, chain, rivals)
  if (!proven.ok) return proven
  const { root, vouched } = proven.value
  const own = await verifyDocument(document, 'root', keysOf([root.root]))
  if (!own.ok) return own
  const itself = signsItself(root.root, own)
  const verified = vouched === null ? [own] : [vouched, own]
  return itself.ok ? good({ ...keepSigners(root, ...verified), digest: own.digest }) : itself
}

/** A root that is the next of its chain, and what the roots before it say of its signatures. */
interface Proven {
  readonly root: HeldRoot
  readonly vouched: Extract<Verified, { ok: true }> | null
}

/**
 * The first root vouches for itself, so its keys have to be read before anything is verified with
 * them.
 */
function readFirst(document: SignedDocument): Checked<Proven> {
  const parsed = parseRoot(Buffer.from(document.payload).toString('utf8'))
  if (!parsed.ok) return parsed
  if (parsed.value.epoch !== 1)
    return bad('root-chain', 'the chain does not begin with root 1', 'epoch')
  const root = { digest: digestOf(document.payload), document, root: parsed.value }
  return good({ root, vouched: null })
}

async function vouchedFor(
  document: SignedDocument,
  chain: readonly HeldRoot[],
  rivals: readonly HeldRoot[],
): Promise<Checked<Proven>> {
  const ring = keysOf([...chain, ...rivals].map((held) => held.root))
  const verified = await verifyDocument(document, 'root', ring)
  if (!verified.ok) return verified
  const judged = judgeRoot(chain, rivals, document, verified)
  return judged.ok ? good(judged.value) : judged
}

/**
 * RFC 7638 thumbprint of an Ed25519 key: SHA-256 over its required members in lexicographic order.
 */
function thumbprintOf(jwk: PublicJwk): string {
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return createHash('sha256').update(members).digest('base64url')
}
