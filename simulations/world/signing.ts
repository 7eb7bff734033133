import { createHash } from 'node:crypto'
import type { SignatureText, SignedDocument } from '../../protocol/documents/envelope.ts'
import { type KeyRing, parseRoot } from '../../protocol/documents/root.ts'
import type { Verified } from '../../protocol/documents/verify.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'

/**
 * Signatures without arithmetic: a key has signed a digest exactly if this book says so. Forging is
 * left out by construction, which is what Ed25519 is trusted for; everything around it is the
 * production code.
 */
export interface SignatureBook {
  readonly signed: Set<string>
}

/** A key of the simulation; its public part has the form of a real one. */
export interface SimKey {
  readonly kid: string
  readonly jwk: { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
}

/** The key with this name; the same name gives the same key. */
export function keyNamed(name: string): SimKey {
  const digest = createHash('sha256').update(name)
  const x = digest.copy().update('x').digest().toString('base64url')
  return { kid: digest.digest('base64url'), jwk: { kty: 'OKP', crv: 'Ed25519', x } }
}

interface Identity {
  readonly digest: string
  readonly text: string
}

const identities = new WeakMap<Uint8Array, Identity>()

/** Digest and text of a payload, worked out once for each. */
export function identityOf(payload: Uint8Array): Identity {
  const known = identities.get(payload)
  if (known !== undefined) return known
  const hex = createHash('sha256').update(payload).digest('hex')
  const identity = { digest: `sha256:${hex}`, text: Buffer.from(payload).toString('utf8') }
  identities.set(payload, identity)
  return identity
}

/** A document signed by some keys. */
export function signDocument(
  book: SignatureBook,
  text: string,
  keys: readonly SimKey[],
): SignedDocument {
  const payload = new Uint8Array(Buffer.from(text))
  const { digest } = identityOf(payload)
  for (const key of keys) book.signed.add(`${key.kid} ${digest}`)
  const signatures = keys.map((key) => ({ protected: key.kid, signature: 'simulated' }))
  return { payload, signatures }
}

/**
 * The result that the shell's verification would give: each signature by the one key of the ring
 * that it names.
 */
export function verifyInBook(
  book: SignatureBook,
  document: SignedDocument,
  ring: KeyRing,
): Verified {
  const { digest, text } = identityOf(document.payload)
  const kids: string[] = []
  const signatures: SignatureText[] = []
  for (const entry of document.signatures) {
    const kid = entry.protected
    if (!Object.hasOwn(ring, kid)) continue
    if (!book.signed.has(`${kid} ${digest}`)) {
      return {
        ok: false,
        fault: { code: 'bad-signature', message: `key ${kid} did not sign this` },
      }
    }
    if (kids.includes(kid)) continue
    kids.push(kid)
    signatures.push(entry)
  }
  if (kids.length === 0) {
    return { ok: false, fault: { code: 'unknown-key', message: 'no root names the key' } }
  }
  return { ok: true, digest, payload: text, kids, signatures }
}

/** The root key that belongs to a config key: the two roles share no key. */
export function rootKeyOf(key: SimKey): SimKey {
  return keyNamed(`root of ${key.kid}`)
}

/** A root document with these keys in its config role, and theirs in its root role. */
export function makeRoot(
  book: SignatureBook,
  epoch: number,
  previous: string | readonly string[] | null,
  keys: readonly SimKey[],
  threshold: number,
  signers: readonly SimKey[],
): HeldRoot {
  const role = (held: readonly SimKey[]): object => {
    const named = held.map((key, index) => [key.kid, { name: `op${epoch}.${index}`, jwk: key.jwk }])
    return { threshold, keys: Object.fromEntries(named) }
  }
  const roles = { root: role(keys.map(rootKeyOf)), config: role(keys) }
  const text = JSON.stringify({ epoch, previous, cluster: 'sim', ...roles })
  const document = signDocument(book, text, signers)
  const parsed = parseRoot(text)
  if (!parsed.ok) throw new Error(`a simulated root is at fault: ${parsed.fault.message}`)
  return { digest: identityOf(document.payload).digest, document, root: parsed.value }
}
