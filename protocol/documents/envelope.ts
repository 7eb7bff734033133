import { bad, type Checked, good } from '../fault.ts'
import { envelopeBytesMax, payloadBytesMax, signaturesMax } from '../limits.ts'
import { decodeBase64url, isCanonicalBase64url } from './base64url.ts'
import { inspect, isObject, parseCanonicalJson } from './canonical-json.ts'

/** The two kinds of signed document. */
export type DocumentKind = 'config' | 'root'

/** One signature as it stands in the envelope, both members base64url. */
export interface SignatureText {
  readonly protected: string
  readonly signature: string
}

/**
 * JWS General JSON serialization (RFC 7515 section 7.2.1) with exactly the members that covey
 * allows.
 */
export interface Envelope {
  readonly payload: string
  readonly signatures: readonly SignatureText[]
}

/**
 * A signed document: the very bytes that were signed, and who signed them. Never changed, never
 * re-encoded.
 */
export interface SignedDocument {
  readonly payload: Uint8Array
  readonly signatures: readonly SignatureText[]
}

/**
 * `typ` of the protected header (RFC 7515 section 4.1.9), which keeps one kind from passing for the
 * other.
 */
const typeOf: Readonly<Record<DocumentKind, string>> = {
  config: 'covey-config+jwt',
  root: 'covey-root+jwt',
}

/**
 * Reads an envelope as a user may hand it over: the JSON form, white space allowed, or the compact
 * form `protected.payload.signature` (RFC 7515 section 7.1). Checks form only; trust is not decided
 * here.
 *
 * Faults: `envelope-too-large`, `payload-too-large`, `envelope-not-json`, `envelope-shape`,
 * `base64url-not-canonical`, `no-signatures`, `too-many-signatures`.
 */
export function parseEnvelope(text: string): Checked<Envelope> {
  if (text.length > envelopeBytesMax) {
    const most = `${payloadBytesMax / 2 ** 20} MiB`
    return bad(
      'payload-too-large',
      `the document is larger than covey carries (payload of ${most})`,
    )
  }
  const trimmed = text.trim()
  const compact = /^([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)$/.exec(trimmed)
  if (compact !== null) {
    const [, header = '', payload = '', signature = ''] = compact
    return checkEnvelope({ payload, signatures: [{ protected: header, signature }] })
  }
  let value: unknown
  try {
    value = JSON.parse(trimmed)
  } catch {
    return bad('envelope-not-json', 'not a signed document: neither JSON nor the compact form')
  }
  return checkShape(value, trimmed)
}

const envelopeMembers = ['payload', 'signatures']
const signatureMembers = ['protected', 'signature']

function checkShape(value: unknown, text: string): Checked<Envelope> {
  if (!hasExactly(value, envelopeMembers)) {
    return bad(
      'envelope-shape',
      'a signed document has exactly the members "payload" and "signatures"',
    )
  }
  const { payload, signatures } = value
  if (typeof payload !== 'string') return bad('envelope-shape', 'must be a string', 'payload')
  if (!Array.isArray(signatures)) return bad('envelope-shape', 'must be an array', 'signatures')
  for (const [index, entry] of signatures.entries()) {
    const path = `signatures.${index}`
    if (!hasExactly(entry, signatureMembers)) {
      return bad('envelope-shape', 'has exactly the members "protected" and "signature"', path)
    }
    if (typeof entry['protected'] !== 'string' || typeof entry['signature'] !== 'string') {
      return bad('envelope-shape', '"protected" and "signature" are strings', path)
    }
  }
  const finding = inspect(text)
  if (finding !== undefined) return bad(finding.code, finding.message, finding.path)
  return checkEnvelope({ payload, signatures: signatures as unknown as SignatureText[] })
}

function hasExactly(value: unknown, members: readonly string[]): value is Record<string, unknown> {
  if (!isObject(value)) return false
  const names = Object.keys(value)
  return names.length === members.length && members.every((name) => names.includes(name))
}

/** Checks sizes and spelling of an envelope whose members are known to be strings. */
function checkEnvelope(envelope: Envelope): Checked<Envelope> {
  if (Math.floor((envelope.payload.length * 3) / 4) > payloadBytesMax) {
    return bad(
      'payload-too-large',
      `the payload is larger than ${payloadBytesMax} bytes`,
      'payload',
    )
  }
  if (!isCanonicalBase64url(envelope.payload)) {
    return bad('base64url-not-canonical', 'is not canonical base64url', 'payload')
  }
  const fault = checkSignatures(envelope.signatures)
  return fault.ok ? good(envelope) : fault
}

/** Characters of an Ed25519 signature, 64 bytes, in base64url. */
const signatureChars = 86

/**
 * Reads an envelope that somebody hands in, and not one that was stored or passed on before: each
 * signature has the length of one, whoever signed. Faults: those of `parseEnvelope`,
 * `signature-malformed`.
 */
export function parseNewEnvelope(text: string): Checked<Envelope> {
  const envelope = parseEnvelope(text)
  if (!envelope.ok) return envelope
  const at = envelope.value.signatures.findIndex((one) => one.signature.length !== signatureChars)
  if (at < 0) return envelope
  const path = `signatures.${at}.signature`
  return bad('signature-malformed', 'an Ed25519 signature has 64 bytes', path)
}

/** Checks number and spelling of signatures, wherever they came from. */
export function checkSignatures(signatures: readonly SignatureText[]): Checked<null> {
  if (signatures.length === 0) return bad('no-signatures', 'nobody has signed it', 'signatures')
  if (signatures.length > signaturesMax) {
    return bad('too-many-signatures', `more than ${signaturesMax} signatures`, 'signatures')
  }
  for (const [index, entry] of signatures.entries()) {
    for (const member of ['protected', 'signature'] as const) {
      if (entry[member].length > 1024 || !isCanonicalBase64url(entry[member])) {
        const path = `signatures.${index}.${member}`
        return bad('base64url-not-canonical', 'is not canonical base64url', path)
      }
    }
  }
  return good(null)
}

/**
 * Reads a protected header and returns its `kid`. It holds exactly `alg`, `typ` and `kid`, so
 * nothing in it can choose how it is verified (RFC 8725 sections 3.1 and 3.11); `b64` and `crit`
 * are refused with the rest.
 *
 * Faults: `header-not-json`, `header-member`, `header-algorithm`, `header-type`, `header-kid`.
 */
export function parseHeader(text: string, kind: DocumentKind): Checked<string> {
  const bytes = decodeBase64url(text)
  const parsed = bytes && parseCanonicalJson(String.fromCharCode(...bytes))
  if (!parsed?.ok || !isObject(parsed.value)) {
    return bad('header-not-json', 'a protected header is not canonical JSON')
  }
  const header = parsed.value
  if (header['alg'] !== 'Ed25519') {
    return bad('header-algorithm', 'only the signature algorithm Ed25519 is accepted')
  }
  if (header['typ'] !== typeOf[kind]) {
    return bad('header-type', `the protected header's typ must be ${typeOf[kind]}`)
  }
  const kid = header['kid']
  if (typeof kid !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(kid)) {
    return bad('header-kid', 'the protected header names no key (kid is an RFC 7638 thumbprint)')
  }
  const extra = Object.keys(header).find((name) => !['alg', 'typ', 'kid'].includes(name))
  if (extra !== undefined) {
    return bad('header-member', `the protected header has a member that is not allowed: ${extra}`)
  }
  return good(kid)
}

/** The protected header that covey writes, as JSON. `kid` is an RFC 7638 thumbprint. */
export function headerText(kind: DocumentKind, kid: string): string {
  return JSON.stringify({ alg: 'Ed25519', typ: typeOf[kind], kid })
}
