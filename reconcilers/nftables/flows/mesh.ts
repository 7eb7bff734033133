import type { HostSection } from '../../../protocol/documents/config.ts'
import { type Cidr, contains, hostNetwork, networkOf, overlaps } from '../../addresses.ts'
import type { Places } from '../../cluster/places.ts'
import { typeIn } from '../../cluster/references.ts'
import type { WireguardSpec } from '../../wireguard/spec.ts'

/**
 * True if the links of a host are those that its config names. One that is faulty stays as it was
 * applied, under a name that is not known here; rules that took its packets for false ones would
 * cut the host off.
 */
export function areLinksKnown(section: HostSection, { kept }: WireguardSpec): boolean {
  return kept.every(({ object }) => {
    const type = typeIn(section, object)
    return type !== undefined && type !== 'wireguard_network'
  })
}

/**
 * The sources that arrive by the links of a host only: addresses of other hosts, ranges of their
 * containers, and what peers have of the links' ranges. What is as wide as a range is left out, as
 * a network of this host's own may lie in it.
 */
export function meshOf(host: string, places: Places, { links }: WireguardSpec): readonly Cidr[] {
  const own = [...(places.subnets.get(host)?.values() ?? [])].map(({ subnet }) => subnet)
  const addresses = links.map(({ address }) => hostNetwork(address))
  const peers = links.flatMap(({ address, peers: all }) =>
    all
      .flatMap(({ allowedIps }) => allowedIps)
      .filter((each) => contains(networkOf(address), each)),
  )
  const hosts = [...places.links]
    .filter(([name]) => name !== host)
    .flatMap(([, all]) => [...all.values()].map(hostNetwork))
  return [...hosts, ...strangersOf(host, places), ...peers].filter(
    (each) => ![...own, ...addresses].some((mine) => overlaps(each, mine)),
  )
}

/** Ranges of other hosts' containers that come by the mesh. */
export function strangersOf(host: string, places: Places): readonly Cidr[] {
  return [...places.subnets]
    .filter(([name]) => name !== host)
    .flatMap(([, ranges]) => [...ranges.values()])
    .filter(({ network }) => network !== null)
    .map(({ subnet }) => subnet)
}
