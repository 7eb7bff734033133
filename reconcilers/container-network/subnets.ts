import { type Cidr, cidrText, contains, networkOf, overlaps, widthOf } from '../addresses.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import { aliasOwner } from './names.ts'
import type { ContainerNetworkObserved } from './observe.ts'
import type { ContainerNetworkSpec, SubnetSpec } from './spec.ts'

/**
 * Subnets that cannot be, by their objects, with the reason: the host has a link into the same
 * network. A route for the subnet would take the host's own neighbours from it, the router and who
 * works on it by ssh among them.
 */
export function refusedSubnets(
  spec: ContainerNetworkSpec,
  observed: ContainerNetworkObserved,
): ReadonlyMap<string, string> {
  const refused = new Map<string, string>()
  for (const subnet of spec.subnets) {
    for (const link of observed.links.values()) {
      const network = networksOf(link, subnet).find((each) => overlaps(each, subnet.subnet))
      if (network === undefined) continue
      const reason = `${cidrText(subnet.subnet)} overlaps with ${cidrText(network)} of this host's ${link.name}`
      refused.set(subnet.object, reason)
      break
    }
  }
  return refused
}

/** Networks that a link leads into and that count against a subnet. */
function networksOf(link: LinkSeen, { through }: SubnetSpec): readonly Cidr[] {
  if (!link.up || aliasOwner(link.alias) !== null || link.name === through?.link) return []
  return link.addresses
    .filter(({ family, length }) => length < widthOf(family))
    .map(networkOf)
    .filter((network) => !isCarvedOut(network, through))
}

/** True if the cluster's whole range is a part of a network: then its link has that part anyway. */
function isCarvedOut(network: Cidr, through: SubnetSpec['through']): boolean {
  return (
    through !== null && contains(network, through.range) && network.length < through.range.length
  )
}
