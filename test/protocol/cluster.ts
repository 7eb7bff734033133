import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Envelope, SignedDocument } from '../../protocol/documents/envelope.ts'
import { parseRoot } from '../../protocol/documents/root.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'

/**
 * A key pair for tests, made and used with node:crypto alone, so that covey's own code is not its
 * judge.
 */
export interface TestKey {
  readonly kid: string
  readonly jwk: { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  readonly privateKey: KeyObject
}

/** A new key; its kid is the RFC 7638 thumbprint. */
export function makeKey(): TestKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { x } = privateKey.export({ format: 'jwk' })
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: String(x) } as const
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return { kid: createHash('sha256').update(members).digest('base64url'), jwk, privateKey }
}

/** sha256 of some bytes, as covey writes it. */
export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** Signs a payload, whatever it is, with any header. */
export function signEnvelope(
  payload: string | Uint8Array,
  keys: readonly TestKey[],
  header: object = { alg: 'Ed25519', typ: 'covey-config+jwt' },
): Envelope {
  const body = Buffer.from(payload).toString('base64url')
  const signatures = keys.map((key) => {
    const text = JSON.stringify('kid' in header ? header : { ...header, kid: key.kid })
    const protect = Buffer.from(text).toString('base64url')
    const signature = sign(null, Buffer.from(`${protect}.${body}`), key.privateKey)
    return { protected: protect, signature: signature.toString('base64url') }
  })
  return { payload: body, signatures }
}

/** The document inside an envelope. */
export function documentIn(envelope: Envelope): SignedDocument {
  return {
    payload: new Uint8Array(Buffer.from(envelope.payload, 'base64url')),
    signatures: envelope.signatures,
  }
}

/** A cluster with its first root. */
export interface TestCluster {
  readonly id: string
  readonly operators: readonly TestKey[]
  readonly root: HeldRoot
  readonly rootEnvelope: Envelope
}

/** Makes a cluster whose configs need `threshold` of `operators` keys. */
export function makeCluster(operators = 1, threshold = 1, name = 'home'): TestCluster {
  const keys = Array.from({ length: operators }, makeKey)
  const role = {
    threshold,
    keys: Object.fromEntries(
      keys.map((key, index) => [key.kid, { name: `op${index}`, jwk: key.jwk }]),
    ),
  }
  const text = JSON.stringify({ epoch: 1, previous: null, cluster: name, root: role, config: role })
  const rootEnvelope = signEnvelope(text, keys, { alg: 'Ed25519', typ: 'covey-root+jwt' })
  const parsed = parseRoot(text)
  if (!parsed.ok) throw new Error(parsed.fault.message)
  const root = { digest: digestOf(text), document: documentIn(rootEnvelope), root: parsed.value }
  return { id: root.digest, operators: keys, root, rootEnvelope }
}

/** Text of a config payload with sound claims; `members` replace or add to them. */
export function configText(cluster: TestCluster, version: number, members: object = {}): string {
  return JSON.stringify({
    aud: cluster.id,
    epoch: 1,
    version,
    ancestors: [],
    iat: 1_790_000_000,
    hosts: {},
    ...members,
  })
}

/** A peer id of the right form; not anybody's. */
export function somePeerId(index: number): string {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  const two = alphabet.charAt(Math.floor(index / 58)) + alphabet.charAt(index % 58)
  return `12D3KooW${'1'.repeat(42)}${two}`
}

/** A host section with a network and an agent, for host number `index` of a mesh. */
export function meshSection(index: number, peerId: string = somePeerId(index)): object {
  return {
    wg_network: {
      type: 'wireguard_network',
      link_name: 'wg_cluster',
      address: `10.69.${Math.floor(index / 250)}.${(index % 250) + 1}/16`,
      ...(index < 2 ? { endpoint: `203.0.113.${index + 1}:51820` } : {}),
    },
    agent: { type: 'agent', peer_id: peerId, network: 'wg_network' },
  }
}
