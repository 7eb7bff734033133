import { peerPlaces } from '../protocol/documents/agent-object.ts'
import type { Config } from '../protocol/documents/config.ts'
import { contains, hostNetwork } from './addresses.ts'
import { typeIn } from './references.ts'
import { resolveWireguard } from './wireguard/resolve.ts'
import type { LinkSpec, PeerSpec } from './wireguard/spec.ts'

/**
 * The hosts that a new config would cut off: under `before` the gossip had a path of tunnels from
 * them to another host with an agent, under `after` it has none. Hosts that are no longer listed,
 * and those that the signer named in `allow_isolation`, are not in it. Ordered by name;
 * docs/THREATS.md, lock-out.
 */
export function isolatedHosts(before: Config | null, after: Config): readonly string[] {
  if (before === null) return []
  const connected = connectedHosts(after)
  const allowed = new Set(after.allowIsolation)
  return [...connectedHosts(before)]
    .filter((host) => Object.hasOwn(after.hosts, host))
    .filter((host) => !connected.has(host) && !allowed.has(host))
    .sort()
}

/** Hosts with an agent that have a path of tunnels to another host with an agent. */
export function connectedHosts(config: Config): ReadonlySet<string> {
  const agents = new Set(peerPlaces(config).map((place) => place.host))
  const tunnels = tunnelsOf(config)
  const connected = new Set<string>()
  const visited = new Set<string>()
  for (const start of agents) {
    if (visited.has(start)) continue
    const part = [start]
    visited.add(start)
    for (const host of part) {
      for (const next of tunnels.get(host) ?? []) {
        if (visited.has(next)) continue
        visited.add(next)
        part.push(next)
      }
    }
    const inPart = part.filter((host) => agents.has(host))
    if (inPart.length > 1) for (const host of inPart) connected.add(host)
  }
  return connected
}

interface HostLink {
  readonly host: string
  readonly link: LinkSpec
  /** By public key. */
  readonly peers: ReadonlyMap<string, PeerSpec>
}

/**
 * Which hosts have a tunnel between them, by host name. It takes both ends: each has the other's
 * key as a peer that may send from its address, and at least one knows an endpoint of the other.
 * Faulty objects count as not there. Of a host with an agent only the agent's own network counts.
 */
export function tunnelsOf(config: Config): ReadonlyMap<string, ReadonlySet<string>> {
  const byKey = new Map<string, HostLink>()
  for (const host of Object.keys(config.hosts)) {
    for (const each of linksOf(config, host)) {
      const key = each.link.publicKey
      if (key !== null && !byKey.has(key)) byKey.set(key, each)
    }
  }
  const tunnels = new Map<string, Set<string>>()
  for (const [key, here] of byKey) {
    for (const peer of here.link.peers) {
      const there = byKey.get(peer.publicKey)
      const back = there?.peers.get(key)
      if (there === undefined || back === undefined || there.host === here.host) continue
      const covered = covers(peer, there.link) && covers(back, here.link)
      if (!covered || (peer.endpoint === null && back.endpoint === null)) continue
      tunnels.set(here.host, (tunnels.get(here.host) ?? new Set()).add(there.host))
    }
  }
  return tunnels
}

function linksOf(config: Config, host: string): readonly HostLink[] {
  const section = config.hosts[host]
  if (typeof section !== 'object' || section === null) return []
  const agents = Object.keys(section).filter((name) => typeIn(section, name) === 'agent')
  const networks = new Set(agents.map((name) => section[name]?.['network']))
  return resolveWireguard(config, host)
    .spec.links.filter((link) => agents.length === 0 || networks.has(link.object))
    .map((link) => ({ host, link, peers: new Map(link.peers.map((p) => [p.publicKey, p])) }))
}

function covers(peer: PeerSpec, link: LinkSpec): boolean {
  const address = hostNetwork(link.address)
  return peer.allowedIps.some((range) => contains(range, address))
}
