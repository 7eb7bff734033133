import { createHash, createPublicKey, verify } from 'node:crypto'
import { hasPlainMembers, isCanonical, parseWritten, type Written } from './strict-json.ts'

/** A role as JSON has it. */
interface PlainRole {
  readonly threshold: number
  readonly keys: Readonly<Record<string, { readonly name: string; readonly jwk: PlainJwk }>>
}

interface PlainJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
}

/** A root document that is trusted: its digest and its payload. */
export interface PlainRoot {
  readonly digest: string
  readonly epoch: number
  readonly root: PlainRole
  readonly config: PlainRole
}

interface Signed {
  readonly payload: Buffer
  readonly signatures: readonly { readonly protected: string; readonly signature: string }[]
}

/**
 * A second verifier, written from docs/PROTOCOL.md on node:crypto alone. It says whether a text is
 * a config that a host with this chain of roots takes.
 */
export function takesConfig(text: string, chain: readonly PlainRoot[]): boolean {
  const signed = readEnvelope(text)
  const kids = signed && goodKids(signed, 'covey-config+jwt', ringOf(chain))
  const value = signed && kids && readPayload(signed.payload)
  if (!value || !isConfig(value) || value['aud'] !== chain[0]?.digest) return false
  const root = chain.find((one) => one.epoch === value['epoch'])
  return root !== undefined && meets(root.config, kids ?? [])
}

/** True if a text is the root document that follows this chain, or begins it. */
export function takesRoot(text: string, chain: readonly PlainRoot[], clusterId: string): boolean {
  const signed = readEnvelope(text)
  const value = signed && readPayload(signed.payload)
  if (!signed || !value || !isRoot(value)) return false
  const own = value as unknown as PlainRoot
  const before = chain.at(-1)
  // S7: with no signature by a known key it is refused; own keys are not known before.
  const known = goodKids(signed, 'covey-root+jwt', ringOf(before === undefined ? [own] : chain))
  const kids = known && goodKids(signed, 'covey-root+jwt', ringOf([own]))
  if (!known || !kids || !meets(own.root, kids) || own.epoch !== chain.length + 1) return false
  if (before === undefined) return digestOf(signed.payload) === clusterId
  return value['previous'] === before.digest && meets(before.root, known)
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** E1 to E6. */
function readEnvelope(text: string): Signed | null {
  const trimmed = text.trim()
  const compact = trimmed.split('.')
  if (compact.length === 3 && /^[\w.-]*$/.test(trimmed)) {
    const [header = '', payload = '', signature = ''] = compact
    return checkEnvelope(payload, [{ protected: header, signature }])
  }
  const whole = parseWritten(trimmed, false)
  if (whole === null || !hasPlainMembers(whole)) return null
  const members = membersOf(whole, ['payload', 'signatures'])
  const payload = members && textOf(members['payload'])
  const list = members?.['signatures']
  if (typeof payload !== 'string' || list?.kind !== 'list') return null
  const signatures = list.items.map((item) => {
    const entry = membersOf(item, ['protected', 'signature'])
    return { protected: textOf(entry?.['protected']), signature: textOf(entry?.['signature']) }
  })
  const sound = signatures.filter(
    (one): one is { protected: string; signature: string } =>
      one.protected !== null && one.signature !== null,
  )
  return sound.length === signatures.length ? checkEnvelope(payload, sound) : null
}

function membersOf(value: Written, names: readonly string[]): Record<string, Written> | null {
  if (value.kind !== 'object' || value.members.length !== names.length) return null
  const members = Object.fromEntries(value.members)
  return names.every((name) => Object.hasOwn(members, name)) ? members : null
}

function textOf(value: Written | undefined): string | null {
  return value?.kind === 'string' ? value.value : null
}

function checkEnvelope(payload: string, signatures: Signed['signatures']): Signed | null {
  const texts = signatures.flatMap((one) => [one.protected, one.signature])
  if (signatures.length < 1 || signatures.length > 32) return null
  if (![payload, ...texts].every(isOneSpelling) || texts.some((one) => one.length > 1024))
    return null
  return { payload: Buffer.from(payload, 'base64url'), signatures }
}

function isOneSpelling(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text
}

/** S1 to S7: distinct keys with good signatures, or null where the document is refused. */
function goodKids(signed: Signed, typ: string, ring: ReadonlyMap<string, string>): string[] | null {
  const good = new Set<string>()
  for (const entry of signed.signatures) {
    const kid = kidOf(entry.protected, typ)
    if (kid === null) return null
    const x = ring.get(kid)
    if (x === undefined) continue
    const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })
    if (createHash('sha256').update(members).digest('base64url') !== kid) return null
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const input = Buffer.from(`${entry.protected}.${signed.payload.toString('base64url')}`)
    const signature = Buffer.from(entry.signature, 'base64url')
    if (signature.length !== 64 || !verify(null, input, key, signature)) return null
    good.add(kid)
  }
  return good.size === 0 ? null : [...good]
}

function kidOf(header: string, typ: string): string | null {
  const text = Buffer.from(header, 'base64url').toString('latin1')
  if (!isCanonical(text)) return null
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { alg, typ: type, kid, ...rest } = value as Record<string, unknown>
  if (alg !== 'Ed25519' || type !== typ || Object.keys(rest).length > 0) return null
  return typeof kid === 'string' && /^[\w-]{43}$/.test(kid) ? kid : null
}

function ringOf(roots: readonly PlainRoot[]): ReadonlyMap<string, string> {
  const keys = roots.flatMap(({ root, config }) => [
    ...Object.entries(root.keys),
    ...Object.entries(config.keys),
  ])
  return new Map(keys.map(([kid, { jwk }]) => [kid, jwk.x]))
}

function meets(role: PlainRole, kids: readonly string[]): boolean {
  return kids.filter((kid) => Object.hasOwn(role.keys, kid)).length >= role.threshold
}

/** J1 to J7, and that it is an object. */
function readPayload(payload: Buffer): Record<string, unknown> | null {
  const text = payload.toString('utf8')
  if (!Buffer.from(text).equals(payload) || !isCanonical(text)) return null
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null
}

const isDigest = (value: unknown): boolean =>
  typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value)
const isCount = (value: unknown, max: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max

/** C1 to C5. */
function isConfig({ aud, epoch, version, ancestors }: Record<string, unknown>): boolean {
  if (!isDigest(aud) || !isCount(epoch, 4096) || !isCount(version, 2 ** 32 - 1)) return false
  if (!Array.isArray(ancestors) || ancestors.length > 16) return false
  let above = [epoch, version] as [number, number]
  return ancestors.every((entry) => {
    if (!Array.isArray(entry) || entry.length !== 3 || !isDigest(entry[2])) return false
    const [e, v] = entry
    if (!isCount(e, 4096) || !isCount(v, 2 ** 32 - 1)) return false
    const isBelow = e < above[0] || (e === above[0] && v < above[1])
    above = [e, v]
    return isBelow
  })
}

/** R1 to R7. */
function isRoot({ epoch, previous, cluster, root, config }: Record<string, unknown>): boolean {
  if (!isCount(epoch, 4096)) return false
  const pair = Array.isArray(previous) && previous.length === 2 && previous.every(isDigest)
  if (epoch === 1 ? previous !== null : !isDigest(previous) && !pair) return false
  if (typeof cluster !== 'string' || !/^[a-z]([a-z0-9_-]{0,38}[a-z0-9])?$/.test(cluster))
    return false
  return isRole(root) && isRole(config)
}

function isRole(role: unknown): boolean {
  const { threshold, keys } = Object(role)
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) return false
  const held = Object.values(keys) as { name?: unknown; jwk?: Record<string, unknown> }[]
  if (held.length > 32 || !isCount(threshold, held.length)) return false
  const points = held.map((key) => String(Object(key?.jwk)['x']))
  return new Set(points).size === points.length && held.every(isKey)
}

function isKey(key: { name?: unknown; jwk?: Record<string, unknown> }): boolean {
  const jwk = Object(key?.jwk)
  if (typeof key?.name !== 'string' || Object.keys(jwk).sort().join() !== 'crv,kty,x') return false
  if (jwk['kty'] !== 'OKP' || jwk['crv'] !== 'Ed25519' || typeof jwk['x'] !== 'string') return false
  const point = Buffer.from(jwk['x'], 'base64url')
  return isOneSpelling(jwk['x']) && point.length === 32 && !isOfSmallOrder(point)
}

const p = 2n ** 255n - 19n
const mod = (value: bigint): bigint => ((value % p) + p) % p
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b))
    if (e & 1n) result = mod(result * b)
  return result
}
const d = mod(-121665n * power(121666n, p - 2n))

/**
 * True if eight times a point is the identity (RFC 8032 section 5.1). By doubling y alone: with x2
 * = (y2-1)/(dy2+1), the curve gives 2P: y = (y2+x2)/(2-y2+x2).
 */
function isOfSmallOrder(point: Buffer): boolean {
  const bytes = Buffer.from(point).reverse()
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  let y = mod(BigInt(`0x${bytes.toString('hex')}`))
  for (let doubling = 0; doubling < 3; doubling++) {
    const yy = mod(y * y)
    const xx = mod((yy - 1n) * power(d * yy + 1n, p - 2n))
    y = mod((yy + xx) * power(2n - yy + xx, p - 2n))
  }
  return y === 1n
}
