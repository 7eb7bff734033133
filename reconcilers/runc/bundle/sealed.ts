import { decodeBase64url, isCanonicalBase64url } from '../../../protocol/documents/base64url.ts'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { isDigest, isName } from '../../../protocol/names.ts'

/**
 * `typ` of the protected header: names the kind of JWE, so that nothing else passes for a secret.
 */
const sealedType = 'covey-secret+jwe'

/**
 * The recipient of a sealed secret: the claims in its protected header (docs/OBJECTS.md, secret).
 */
export interface SealedFor {
  /** Cluster id: digest of the first root document. */
  readonly aud: string
  readonly host: string
  /** Name of the `secret` object. */
  readonly name: string
}

/** Members of the protected header, all of which are required, and no others. */
const members: readonly string[] = ['alg', 'enc', 'typ', 'epk', 'aud', 'host', 'name']
const headerCharactersMax = 1024

/**
 * Reads the protected header of a JWE in compact form (RFC 7516 section 7.1) without opening it:
 * ECDH-ES with X25519 (RFC 7518 section 4.6, RFC 8037 section 3.2), A256GCM, and the recipient. A
 * header is authenticated together with the content, so it can be trusted only once the JWE is
 * opened.
 *
 * Faults: `secret-form`, `secret-algorithm`, `secret-claims`.
 */
export function parseSealedHeader(jwe: string): Checked<SealedFor> {
  const parts = jwe.split('.')
  const [head = '', key, vector, , tag] = parts
  if (parts.length !== 5 || !parts.every(isCanonicalBase64url) || !vector || !tag) {
    return bad('secret-form', 'must be a JWE in compact form: five base64url parts joined by dots')
  }
  if (key !== '') {
    return bad('secret-form', 'has an encrypted key, which ECDH-ES does not use')
  }
  const header = parseHeader(head)
  if (header === undefined) return bad('secret-form', 'has a protected header that is not JSON')
  const { alg, enc, typ, epk, aud, host, name } = header
  const stranger = Object.keys(header).find((member) => !members.includes(member))
  if (stranger !== undefined) {
    return bad(
      'secret-algorithm',
      `has an unknown member "${stranger.slice(0, 40)}" in its protected header`,
    )
  }
  if (alg !== 'ECDH-ES' || enc !== 'A256GCM') {
    return bad('secret-algorithm', 'must be sealed with ECDH-ES and A256GCM')
  }
  if (!isObject(epk) || epk['kty'] !== 'OKP' || epk['crv'] !== 'X25519') {
    return bad('secret-algorithm', 'must be sealed to an X25519 key')
  }
  if (typ !== sealedType) return bad('secret-claims', `must have the typ ${sealedType}`)
  if (!isDigest(aud) || !isName(host) || !isName(name)) {
    return bad('secret-claims', 'must name its cluster, host and secret: aud, host and name')
  }
  return good({ aud, host, name })
}

function parseHeader(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > headerCharactersMax) return undefined
  const bytes = decodeBase64url(text)
  if (bytes === undefined) return undefined
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
