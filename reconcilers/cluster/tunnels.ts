import { type Cidr, contains, hostNetwork } from '../addresses.ts'
import { resolveTowards, resolveWireguard } from '../wireguard/resolve.ts'
import type { Cluster, ConfigPart } from './cluster.ts'
import { sectionOf, typeIn } from './references.ts'

/** Hosts with an agent that have a path of tunnels to another host with an agent. */
export function readConnected(cluster: Cluster): ReadonlySet<string> {
  const agents = new Set(cluster.places.agents.map((place) => place.host))
  const ends = endsOf(cluster)
  // Mostly all have a tunnel to one that all can find, and the other pairs need no look.
  const around = connectedBy(agents, tunnelsOf(cluster, ends, hubsOf(ends)))
  const isWhole = around.size === agents.size
  return isWhole ? around : connectedBy(agents, tunnelsOf(cluster, ends, null))
}

function connectedBy(
  agents: ReadonlySet<string>,
  tunnels: (host: string) => readonly string[],
): ReadonlySet<string> {
  const connected = new Set<string>()
  const visited = new Set<string>()
  for (const start of agents) {
    if (visited.has(start)) continue
    const part = [start]
    visited.add(start)
    for (const host of part) {
      for (const next of tunnels(host)) {
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

/** One end of tunnels: a link of a host, under the key that others know it by. */
interface End {
  readonly host: string
  readonly object: string
  readonly publicKey: string
  readonly address: Cidr
  readonly hasEndpoint: boolean
}

/** One end's knowledge of another: the other may send from its address, and is at this endpoint. */
const admits = 1
const finds = 2

/**
 * Which hosts a host has a tunnel to. It takes both ends: each has the other's key as a peer that
 * may send from its address, and at least one knows an endpoint of the other. Faulty objects count
 * as not there. Of a host with an agent only the agent's own network counts. With `hubs` the
 * tunnels to these hosts are told, and not all others.
 */
function tunnelsOf(
  cluster: Cluster,
  ends: readonly End[],
  hubs: ReadonlySet<string> | null,
): (host: string) => readonly string[] {
  const places = new Map(ends.map((end, at) => [end.publicKey, at]))
  const knows = new Uint8Array(ends.length * ends.length)
  const byHost = new Map<string, number[]>()
  for (const [at, { host }] of ends.entries()) {
    byHost.set(host, [...(byHost.get(host) ?? []), at])
  }
  for (const [host, own] of byHost) {
    const isWhole = hubs === null || hubs.has(host)
    const links = isWhole
      ? resolveWireguard(cluster, host).spec.links
      : resolveTowards(cluster, host, hubs)
    for (const here of own) {
      const link = links.find((each) => each.object === ends[here]?.object)
      for (const { publicKey, allowedIps, endpoint } of link?.peers ?? []) {
        const there = places.get(publicKey)
        const other = there === undefined ? undefined : ends[there]
        if (there === undefined || other === undefined || other.host === host) continue
        const address = hostNetwork(other.address)
        if (!allowedIps.some((range) => contains(range, address))) continue
        knows[here * ends.length + there] = endpoint === null ? admits : admits | finds
      }
    }
  }
  return (host) =>
    (byHost.get(host) ?? []).flatMap((here) =>
      ends.flatMap((other, there) => {
        const forth = knows[here * ends.length + there] ?? 0
        const back = knows[there * ends.length + here] ?? 0
        return forth & back & admits && (forth | back) & finds ? [other.host] : []
      }),
    )
}

/** A host with an endpoint for each name of a link. */
function hubsOf(ends: readonly End[]): ReadonlySet<string> {
  const hubs = new Map<string, string>()
  for (const { object, host, hasEndpoint } of ends) {
    if (hasEndpoint && !hubs.has(object)) hubs.set(object, host)
  }
  return new Set(hubs.values())
}

/** The links that tunnels may end at; of several with one key the first counts. */
function endsOf({ config, networks: index }: Cluster): readonly End[] {
  const ends = new Map<string, End>()
  for (const [object, networks] of index) {
    for (const { host, network } of networks) {
      const publicKey = network?.public_key
      if (network === undefined || publicKey === undefined || ends.has(publicKey)) continue
      if (!isAgentNetwork(config, host, object)) continue
      const { address, endpoint } = network
      ends.set(publicKey, { host, object, publicKey, address, hasEndpoint: endpoint !== undefined })
    }
  }
  return [...ends.values()]
}

function isAgentNetwork(config: ConfigPart, host: string, object: string): boolean {
  const section = sectionOf(config, host) ?? {}
  const agents = Object.keys(section).filter((name) => typeIn(section, name) === 'agent')
  return agents.length === 0 || agents.some((name) => section[name]?.['network'] === object)
}
