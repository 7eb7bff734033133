import * as z from 'zod'
import { isName } from '../names.ts'
import { isObject } from './canonical-json.ts'
import type { Config, HostSection } from './config.ts'

/** Port of the overlay where an `agent` object names none. */
const overlayPortDefault = 4069

/** `agent`: a host's place in the gossip overlay. It listens on the address of `network`. */
export interface AgentObject {
  readonly type: 'agent'
  /** libp2p peer id of an Ed25519 key, in base58btc (`12D3KooW…`). */
  readonly peer_id: string
  /** Name of this host's `wireguard_network`. */
  readonly network: string
  readonly port: number
}

/** Schema of the `agent` object. */
export const agentObjectSchema: z.ZodType<AgentObject> = z.strictObject({
  type: z.literal('agent'),
  peer_id: z
    .string()
    .regex(
      /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/,
      'must be the peer id of an Ed25519 key (12D3KooW…)',
    ),
  network: z.string().refine(isName, 'must name a wireguard_network of this host'),
  port: z.int().min(1).max(65535).default(overlayPortDefault),
})

/** Address of a listed host's agent, and the peer to expect there. */
export interface PeerPlace {
  readonly host: string
  readonly peerId: string
  /** Address inside the mesh, without prefix length; IPv4 or IPv6. */
  readonly address: string
  readonly port: number
  /** True if the host's network has an endpoint that others can dial from anywhere. */
  readonly hasEndpoint: boolean
}

/**
 * The places of all agents of a config, ordered by host name. A section whose agent object is
 * faulty, or whose network has no address, has no place: its fault is shown on the host itself. Of
 * two hosts with one peer id the first by name counts.
 */
export function peerPlaces(config: Pick<Config, 'hosts'>): readonly PeerPlace[] {
  const places: PeerPlace[] = []
  const seen = new Set<string>()
  for (const host of Object.keys(config.hosts).sort()) {
    const section = config.hosts[host]
    const place = section && isName(host) && isObject(section) ? placeIn(host, section) : undefined
    if (place === undefined || seen.has(place.peerId)) continue
    seen.add(place.peerId)
    places.push(place)
  }
  return places
}

function placeIn(host: string, section: HostSection): PeerPlace | undefined {
  for (const object of Object.values(section)) {
    if (!isObject(object) || object['type'] !== 'agent') continue
    const agent = agentObjectSchema.safeParse(object)
    if (!agent.success) continue
    if (!Object.hasOwn(section, agent.data.network)) continue
    const network = section[agent.data.network]
    if (!isObject(network) || network['type'] !== 'wireguard_network') continue
    const address = network['address']
    const bare =
      typeof address === 'string' ? /^([0-9a-fA-F.:]+)\/\d+$/.exec(address)?.[1] : undefined
    if (bare === undefined) continue
    const { peer_id: peerId, port } = agent.data
    return {
      host,
      peerId,
      address: bare,
      port,
      hasEndpoint: typeof network['endpoint'] === 'string',
    }
  }
  return undefined
}
