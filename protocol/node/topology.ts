import type { PeerPlace } from '../documents/agent-object.ts'
import { fullMeshHostsMax } from '../limits.ts'
import type { Listing } from './listing.ts'

/**
 * The peers that a host keeps connections to. Up to `fullMeshHostsMax` hosts: everyone. Above that:
 * the ring of host names, chords at distances of 2, 4, 8 ... both ways (Chord, Stoica et al. 2001:
 * any host within O(log n) hops), and two hosts with endpoints, spread over those there are. Pure:
 * every host that holds the same config chooses from the same ring.
 *
 * `listing` holds all agents of the config, own included. The work does not grow with their number
 * above the full mesh: what all hosts look up is kept with the listing that they share.
 */
export function chooseNeighbours(
  selfPeerId: string,
  { places, open, positions }: Listing,
): ReadonlySet<string> {
  const count = places.length
  const chosen = new Set<string>()
  const choose = (list: readonly PeerPlace[], index: number): void => {
    const place = list[((index % list.length) + list.length) % list.length]
    if (place !== undefined && place.peerId !== selfPeerId) chosen.add(place.peerId)
  }
  if (count <= fullMeshHostsMax) {
    for (let index = 0; index < count; index++) choose(places, index)
    return chosen
  }
  // A host that is not listed any more still looks for the config that says so, or lists it again.
  const at = positions.get(selfPeerId) ?? 0
  for (let distance = 1; distance < count; distance *= 2) {
    choose(places, at + distance)
    choose(places, at - distance)
  }
  if (open.length > 0) {
    choose(open, at)
    choose(open, at + 1)
  }
  return chosen
}
