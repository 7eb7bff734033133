import * as z from 'zod'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import {
  type Cidr,
  type Endpoint,
  networkOf,
  overlaps,
  parseCidr,
  parseEndpoint,
  unusableRanges,
} from '../addresses.ts'
import { vethPrefix } from '../container-network/names.ts'
import { allowedNetworksMax } from '../limits.ts'
import { isWireguardKey } from '../tools/wg.ts'

/** Interface names that mean something else to the kernel or to a tool. */
const reservedLinkNames: ReadonlySet<string> = new Set(['lo', 'all', 'default', 'interfaces'])

/** At most 15 characters (IFNAMSIZ), and nothing that a tool could take for something else. */
const linkName: z.ZodType<string> = z
  .string()
  .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,14}$/, 'must be 1 to 15 of a-z A-Z 0-9 _ -, a letter first')
  .refine((name) => !reservedLinkNames.has(name), 'is reserved by the kernel')
  .refine(
    (name) => !name.startsWith(vethPrefix),
    `begins with ${vethPrefix}, as links of containers do`,
  )

const address: z.ZodType<Cidr, string> = z.string().transform((text, context) => {
  const cidr = parseCidr(text)
  if (cidr === undefined) {
    context.addIssue('must be an address with its prefix length, such as 10.69.0.1/16')
    return z.NEVER
  }
  if (cidr.length < 8 || unusableRanges.some((range) => overlaps(range, networkOf(cidr)))) {
    context.addIssue('is not in a range that a cluster can use')
    return z.NEVER
  }
  return cidr
})

const network: z.ZodType<Cidr, string> = z.string().transform((text, context) => {
  const cidr = parseCidr(text)
  if (cidr === undefined) {
    context.addIssue('must be a network such as 10.69.1.0/24')
    return z.NEVER
  }
  if (networkOf(cidr).bits !== cidr.bits) {
    context.addIssue(
      'has bits set after its prefix: name the network, or one address with its full length',
    )
    return z.NEVER
  }
  return cidr
})

const endpoint: z.ZodType<Endpoint, string> = z.string().transform((text, context) => {
  const parsed = parseEndpoint(text)
  if (parsed !== undefined) return parsed
  context.addIssue('must be name:port, 192.0.2.1:port or [2001:db8::1]:port')
  return z.NEVER
})

const publicKey: z.ZodType<string> = z
  .string()
  .refine(isWireguardKey, 'must be a WireGuard public key: 32 bytes in base64')

const reference: z.ZodType<string> = z.string().refine(isName, 'must be the name of an object')

/** `wireguard_network`: a link with this host's own private key. */
export interface NetworkObject {
  readonly type: 'wireguard_network'
  readonly link_name: string
  readonly address: Cidr
  readonly listen_port: number
  readonly mtu: number
  readonly public_key?: string | undefined
  readonly endpoint?: Endpoint | undefined
}

/** `wireguard_peer`: one peer, by its host or by its key. */
export interface PeerObject {
  readonly type: 'wireguard_peer'
  readonly network: string
  readonly allowed_ips: readonly Cidr[]
  readonly host?: string | undefined
  readonly public_key?: string | undefined
  readonly endpoint?: Endpoint | undefined
  readonly persistent_keepalive?: number | undefined
  readonly default_route: boolean
}

/** `wireguard_mesh`: a peer for every other host with a network of that object name. */
export interface MeshObject {
  readonly type: 'wireguard_mesh'
  readonly network: string
}

/** Schema of `wireguard_network`. An IPv6 packet needs 1280 bytes (RFC 8200 section 5). */
export const networkSchema: z.ZodType<NetworkObject> = z.strictObject({
  type: z.literal('wireguard_network'),
  link_name: linkName,
  address,
  listen_port: z.int().min(1).max(65535).default(51820),
  mtu: z.int().min(1280).max(9000).default(1420),
  public_key: publicKey.optional(),
  endpoint: endpoint.optional(),
})

/** Schema of `wireguard_peer`. */
export const peerSchema: z.ZodType<PeerObject> = z
  .strictObject({
    type: z.literal('wireguard_peer'),
    network: reference,
    allowed_ips: z.array(network).min(1).max(allowedNetworksMax),
    host: reference.optional(),
    public_key: publicKey.optional(),
    endpoint: endpoint.optional(),
    persistent_keepalive: z.int().min(0).max(65535).optional(),
    default_route: z.boolean().default(false),
  })
  .refine((peer) => peer.host === undefined || peer.public_key === undefined, {
    message: 'name a peer by its host or by its key, not both',
    path: ['public_key'],
  })

/** Schema of `wireguard_mesh`. */
export const meshSchema: z.ZodType<MeshObject> = z.strictObject({
  type: z.literal('wireguard_mesh'),
  network: reference,
})

/** The types of this room, with their schemas. */
export const wireguardTypes: Readonly<Record<string, z.ZodType>> = {
  wireguard_network: networkSchema,
  wireguard_peer: peerSchema,
  wireguard_mesh: meshSchema,
}

/** The wanted links of a host. */
export interface WireguardSpec {
  /** Ordered by object name. */
  readonly links: readonly LinkSpec[]
  /** Faulty objects of the config, which stay as they were applied. */
  readonly kept: readonly Kept[]
  /** True if an object is faulty of which nobody knows what range it had: guards stay. */
  readonly keepsGuards: boolean
  /** Hosts in the config: a peer that was applied for any other one goes, whatever is kept. */
  readonly listed: ReadonlySet<string>
}

/** An object, or what it is for one other host. */
export interface Kept {
  readonly object: string
  /** Null for all of the object. */
  readonly host: string | null
}

/** One link. */
export interface LinkSpec {
  readonly object: string
  readonly link: string
  readonly address: Cidr
  readonly listenPort: number
  readonly mtu: number
  /** Which of the host's own keys; null for the newest. */
  readonly publicKey: string | null
  /** Ordered by public key. */
  readonly peers: readonly PeerSpec[]
}

/** One peer of a link. No two of one link share an allowed address. */
export interface PeerSpec {
  readonly object: string
  /** The host that it is, where the config says so. */
  readonly host: string | null
  readonly publicKey: string
  /** In the order of `compareNetworks`, none twice. */
  readonly allowedIps: readonly Cidr[]
  readonly endpoint: Endpoint | null
  /** 0 for off. */
  readonly keepaliveSeconds: number
}

/** The faults of the links of one host, and the valid links. */
export interface WireguardJudgement {
  readonly links: readonly Omit<LinkSpec, 'peers'>[]
  readonly faulty: readonly { readonly object: string; readonly fault: Fault }[]
}
