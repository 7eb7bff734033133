import { type Cidr, cidrText, contains, hostNetwork, networkOf } from '../addresses.ts'
import type { HostNetwork, NetworkIndex } from '../cluster/networks.ts'
import { type Claim, findOverlaps } from '../cluster/overlaps.ts'
import type { LinkContext } from './candidates.ts'

const known = new WeakMap<NetworkIndex, Map<string, readonly HostNetwork[]>>()

/**
 * The hosts with a network of a link's name that may be at fault as members of a mesh: in
 * themselves, towards the link's range, or with any other of these hosts. All others are at fault
 * for no host, so a look for faults need not make peers of them. Remembered for a config, or every
 * host would be compared with every other one once for each host.
 */
export function troubledHosts({ index, object, network }: LinkContext): readonly HostNetwork[] {
  const cluster = networkOf(network.address)
  const results = known.get(index) ?? new Map<string, readonly HostNetwork[]>()
  known.set(index, results)
  const key = `${object} ${cidrText(cluster)}`
  const before = results.get(key)
  if (before !== undefined) return before
  const all = index.get(object) ?? []
  const clashing = clashingHosts(all)
  const found = all.filter((each) => clashing.has(each) || isTroubled(each, cluster))
  results.set(key, found)
  return found
}

/** What a host has of the mesh: its address, and the ranges of its containers. */
function rangesOf({ network, subnets }: HostNetwork): readonly Cidr[] {
  if (network === undefined) return []
  return [hostNetwork(network.address), ...subnets.map(({ range }) => range)]
}

/** Whether something is wrong with a host by itself, or with its place in the range of a link. */
function isTroubled(host: HostNetwork, cluster: Cidr): boolean {
  if (host.faults.length + host.subnetFaults.length > 0) return true
  const address = host.network?.endpoint?.address
  if (address && contains(cluster, hostNetwork(address))) return true
  return rangesOf(host).some((range) => range.length === 0 || !contains(cluster, range))
}

/** Hosts that share a range or a key with another one. */
function clashingHosts(all: readonly HostNetwork[]): ReadonlySet<HostNetwork> {
  const clashing = new Set<HostNetwork>()
  const claims = all.flatMap((owner) =>
    rangesOf(owner).map((range): Claim<HostNetwork> => ({ owner, range, path: '' })),
  )
  for (const { first, second } of findOverlaps(claims)) {
    clashing.add(first.owner).add(second.owner)
  }
  const owners = new Map<string, HostNetwork>()
  for (const host of all) {
    const key = host.network?.public_key
    if (key === undefined) continue
    const other = owners.get(key)
    if (other === undefined) owners.set(key, host)
    else clashing.add(other).add(host)
  }
  return clashing
}
