import { type Cidr, contains, hostNetwork } from '../addresses.ts'
import type { HostNetwork } from './networks.ts'
import { type Claim, findOverlaps } from './overlaps.ts'

/**
 * Of the hosts with a network of one name, those that may be at fault as members of a mesh: in
 * themselves, towards the range `cluster` of a link, or with any other of these hosts. All others
 * are at fault for no host, so a look for faults need not make peers of them.
 */
export function findTroubled(all: readonly HostNetwork[], cluster: Cidr): readonly HostNetwork[] {
  const clashing = clashingHosts(all)
  return all.filter((each) => clashing.has(each) || isTroubled(each, cluster))
}

/** The share of a host in the mesh: its address, and the ranges of its containers. */
function rangesOf({ network, subnets }: HostNetwork): readonly Cidr[] {
  if (network === undefined) return []
  return [hostNetwork(network.address), ...subnets.map(({ range }) => range)]
}

/** True if something is wrong with a host by itself, or with its place in the range of a link. */
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
