import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Disk } from '../../machine/files/disk.ts'
import { readText } from '../../machine/files/disk.ts'
import type { SealingKey } from '../../machine/secrets/open.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import type { HostKeys } from '../../reconcilers/host-ports.ts'
import { stateFiles } from '../state/store.ts'
import { peerIdOf, privateKeyOf } from './peer-id.ts'

/** A WireGuard key pair, both base64 as `wg` writes them. */
interface WireguardPair {
  readonly public: string
  readonly private: string
}

/** Everything secret that a host has of its own. Made on the host, and never leaves it. */
export interface Identity {
  readonly host: string
  readonly peer_id: string
  /** Seed of the libp2p Ed25519 key, base64url. */
  readonly libp2p_seed: string
  /** Newest first. */
  readonly wireguard: readonly WireguardPair[]
  readonly sealing: SealingKey
}

const key = z.string().regex(/^[A-Za-z0-9+/]{43}=$/)
const member = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

const identitySchema: z.ZodType<Identity> = z.strictObject({
  host: z.string().refine(isName),
  peer_id: z.string(),
  libp2p_seed: member,
  wireguard: z.array(z.strictObject({ public: key, private: key })).min(1),
  sealing: z.strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('X25519'),
    x: member,
    d: member,
  }),
})

/** Reads the identity of this host, or null where it has none yet. Error: `identity-damaged`. */
export async function readIdentity(disk: Disk): Promise<Identity | null> {
  const text = await readText(disk, stateFiles.identity)
  if (text === null) return null
  try {
    return identitySchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new CoveyError('identity-damaged', `${stateFiles.identity} cannot be read`, {
      hint: 'restore it from a backup, or remove it and add this host to the cluster again',
      cause,
    })
  }
}

/** Makes an identity, durably, and returns it. */
export async function createIdentity(disk: Disk, host: string): Promise<Identity> {
  const seed = randomBytes(32)
  const sealing = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const identity: Identity = {
    host,
    peer_id: await peerIdOf(seed),
    libp2p_seed: seed.toString('base64url'),
    wireguard: [newWireguardPair()],
    sealing: { kty: 'OKP', crv: 'X25519', x: String(sealing.x), d: String(sealing.d) },
  }
  await writeIdentity(disk, identity)
  return identity
}

/** Adds a WireGuard key in front of those that the host has; configs choose by `public_key`. */
export async function addWireguardKey(disk: Disk, identity: Identity): Promise<Identity> {
  const next = { ...identity, wireguard: [newWireguardPair(), ...identity.wireguard] }
  await writeIdentity(disk, next)
  return next
}

async function writeIdentity(disk: Disk, identity: Identity): Promise<void> {
  await disk.replace([
    { path: stateFiles.identity, content: `${JSON.stringify(identity, null, 2)}\n` },
  ])
}

function newWireguardPair(): WireguardPair {
  const pair = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (text: unknown): string =>
    Buffer.from(String(text), 'base64url').toString('base64')
  return { public: base64(pair.x), private: base64(pair.d) }
}

/** The seed of the libp2p key, 32 bytes. */
export function seedOf(identity: Identity): Uint8Array {
  return Buffer.from(identity.libp2p_seed, 'base64url')
}

/** WireGuard keys for the reconcilers, read anew each time: `covey identity` may have added one. */
export function hostKeysOn(disk: Disk): HostKeys {
  const pairs = async (): Promise<readonly WireguardPair[]> => {
    return (await readIdentity(disk))?.wireguard ?? []
  }
  return {
    wireguardPublicKeys: async () => (await pairs()).map((pair) => pair.public),
    wireguardPrivateKey: async (publicKey) => {
      return (await pairs()).find((pair) => pair.public === publicKey)?.private ?? null
    },
  }
}

/** Card of a host for the operator: its public keys, bound together by its libp2p key. */
export interface IdentityView {
  readonly host: string
  readonly peer_id: string
  readonly wireguard_public_key: string
  readonly sealing_public_key: string
  /** Compact JWS (RFC 7515 section 7.1) over the four others. */
  readonly card: string
}

/**
 * The card of a host. Always the same for the same keys: Ed25519 signatures are deterministic (RFC
 * 8032).
 */
export async function identityView(identity: Identity): Promise<IdentityView> {
  const claims = {
    host: identity.host,
    peer_id: identity.peer_id,
    wireguard_public_key: identity.wireguard[0]?.public ?? '',
    sealing_public_key: identity.sealing.x,
  }
  const { CompactSign } = await import('jose')
  const card = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'Ed25519', typ: 'covey-card+jwt' })
    .sign(privateKeyOf(seedOf(identity)))
  return { ...claims, card }
}

/**
 * True if the parts of an identity match: a damaged file must not speak for another host.
 */
export async function isConsistent(identity: Identity): Promise<boolean> {
  if ((await peerIdOf(seedOf(identity))) !== identity.peer_id) return false
  return identity.wireguard.every((pair) => wireguardPublicKey(pair.private) === pair.public)
}

function wireguardPublicKey(privateKey: string): string {
  const pkcs8 = Buffer.concat([
    Buffer.from('302e020100300506032b656e04220420', 'hex'),
    Buffer.from(privateKey, 'base64'),
  ])
  const key = createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }))
  return key.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64')
}
