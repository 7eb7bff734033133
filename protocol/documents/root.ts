import { bad, type Checked, good } from '../fault.ts'
import { epochMax, signaturesMax } from '../limits.ts'
import { isDigest, isName } from '../names.ts'
import { decodeBase64url } from './base64url.ts'
import { isObject, type Json, parseCanonicalJson } from './canonical-json.ts'

/** A public Ed25519 key (RFC 8037 section 2). */
export interface PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
}

/** A key of a role, and whose it is, for people. */
interface RoleKey {
  readonly name: string
  readonly jwk: PublicJwk
}

/** Keys that may sign one kind of document, and how many it takes. */
export interface Role {
  readonly threshold: number
  /** By `kid`, the RFC 7638 thumbprint of the key. */
  readonly keys: Readonly<Record<string, RoleKey>>
}

/** The payload of a root document: who may speak for the cluster. */
export interface Root {
  /** 1, 2, 3 ...: its place in the chain. */
  readonly epoch: number
  /** Digest of root N-1; a list of two settles a fork of the chain; null for the first. */
  readonly previous: string | readonly string[] | null
  /** Name of the cluster. */
  readonly cluster: string
  /** Keys that may sign the next root document. */
  readonly root: Role
  /** Keys that may sign configs. */
  readonly config: Role
}

/** Keys by `kid`; what a signature is verified with. */
export type KeyRing = Readonly<Record<string, PublicJwk>>

/**
 * Parses the payload of a root document. Which of its signatures count is `meetsThreshold`'s to
 * say. That a `kid` is its key's thumbprint takes a hash and is checked where hashing is: by the
 * shell.
 *
 * Faults: those of `parseCanonicalJson`, `root-shape`, `root-epoch`, `root-previous`,
 * `root-cluster`, `root-threshold`, `root-key`, `root-key-small-order`, `root-key-repeated`.
 */
export function parseRoot(text: string): Checked<Root> {
  const parsed = parseCanonicalJson(text)
  if (!parsed.ok) return parsed
  if (!isObject(parsed.value)) return bad('root-shape', 'a root document is a JSON object')
  const { epoch, previous, cluster, root, config } = parsed.value
  if (!Number.isSafeInteger(epoch) || Number(epoch) < 1 || Number(epoch) > epochMax) {
    return bad('root-epoch', `must be 1 ... ${epochMax}`, 'epoch')
  }
  if (!isPrevious(previous, epoch === 1)) {
    return bad(
      'root-previous',
      'must be null in the first root, otherwise digests of the previous root',
      'previous',
    )
  }
  if (!isName(cluster)) return bad('root-cluster', 'must be a name', 'cluster')
  const rootRole = parseRole(root, 'root')
  if (!rootRole.ok) return rootRole
  const configRole = parseRole(config, 'config')
  if (!configRole.ok) return configRole
  return good({
    epoch: Number(epoch),
    previous: previous as Root['previous'],
    cluster,
    root: rootRole.value,
    config: configRole.value,
  })
}

function isPrevious(value: unknown, first: boolean): boolean {
  if (first) return value === null
  return isDigest(value) || (Array.isArray(value) && value.length === 2 && value.every(isDigest))
}

function parseRole(value: Json | undefined, path: string): Checked<Role> {
  if (!isObject(value) || !isObject(value['keys'])) {
    return bad('root-shape', 'must be {"threshold": k, "keys": {…}}', path)
  }
  const keys = Object.entries(value['keys'])
  if (keys.length > signaturesMax) return bad('root-key', `more than ${signaturesMax} keys`, path)
  const threshold = value['threshold']
  if (
    !Number.isSafeInteger(threshold) ||
    Number(threshold) < 1 ||
    Number(threshold) > keys.length
  ) {
    return bad('root-threshold', 'must be 1 ... the number of keys', `${path}.threshold`)
  }
  const seen = new Set<string>()
  for (const [kid, key] of keys) {
    const fault = checkKey(key, `${path}.keys.${kid}`, seen)
    if (!fault.ok) return fault
  }
  return good(value as unknown as Role)
}

function checkKey(key: Json, path: string, seen: Set<string>): Checked<null> {
  const jwk = isObject(key) ? key['jwk'] : undefined
  if (!isObject(key) || typeof key['name'] !== 'string' || !isObject(jwk)) {
    return bad('root-key', 'must be {"name": "…", "jwk": {…}}', path)
  }
  const x = jwk['x']
  const bytes = typeof x === 'string' ? decodeBase64url(x) : undefined
  const members = Object.keys(jwk).sort().join()
  if (
    jwk['kty'] !== 'OKP' ||
    jwk['crv'] !== 'Ed25519' ||
    bytes?.length !== 32 ||
    members !== 'crv,kty,x'
  ) {
    return bad('root-key', 'must be a public Ed25519 JWK with kty, crv and x only', `${path}.jwk`)
  }
  if (isSmallOrder(bytes)) {
    return bad('root-key-small-order', 'every message verifies under this key', `${path}.jwk`)
  }
  if (seen.has(String(x))) return bad('root-key-repeated', 'duplicate key in one role', path)
  seen.add(String(x))
  return good(null)
}

/**
 * The y coordinates of the points whose order divides 8, little-endian, in every spelling that fits
 * in 255 bits: y = 1, 0 and -1, the four points of order 8, and 0 and 1 written as p and p+1 (RFC
 * 8032 section
 * 5.1). Derived, not remembered: the test doubles each point three times and must arrive at the
 * identity.
 */
const smallOrderY: readonly string[] = [
  `01${'00'.repeat(31)}`,
  '00'.repeat(32),
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]

/** True if an Ed25519 public key (32 bytes) is a point of small order, whatever its sign bit. */
export function isSmallOrder(key: Uint8Array): boolean {
  let hex = ''
  for (const [index, byte] of key.entries()) {
    hex += (index === 31 ? byte & 0x7f : byte).toString(16).padStart(2, '0')
  }
  return smallOrderY.includes(hex)
}

/** True if enough distinct keys of a role are among those whose signatures were good. */
export function meetsThreshold(role: Role, kids: readonly string[]): boolean {
  const counted = new Set(kids.filter((kid) => Object.hasOwn(role.keys, kid)))
  return counted.size >= role.threshold
}

/** All keys of both roles of some roots, to verify signatures with. */
export function keysOf(roots: readonly Root[]): KeyRing {
  const ring: Record<string, PublicJwk> = {}
  for (const root of roots) {
    for (const role of [root.root, root.config]) {
      for (const [kid, key] of Object.entries(role.keys)) ring[kid] = key.jwk
    }
  }
  return ring
}
