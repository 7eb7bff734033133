import type { PeerPlace } from '../documents/agent-object.ts'
import { fullMeshHostsMax } from '../limits.ts'

/**
 * The peers that a host keeps connections to. Up to `fullMeshHostsMax` hosts: everyone. Above that:
 * the ring of host names, chords at distances of 2, 4, 8 ... both ways (Chord, Stoica et al. 2001:
 * any host within O(log n) hops), and two hosts with endpoints, spread over those there are. Pure:
 * every host that holds the same config chooses from the same ring.
 *
 * `places` are all agents of the config, own included, in the order of `peerPlaces`.
 */
export function chooseNeighbours(
  selfPeerId: string,
  places: readonly PeerPlace[],
): ReadonlySet<string> {
  const self = places.findIndex((place) => place.peerId === selfPeerId)
  const count = places.length
  if (count <= fullMeshHostsMax) {
    return new Set(places.filter((_, index) => index !== self).map((place) => place.peerId))
  }
  // A host that is not listed any more still looks for the config that says so, or lists it again.
  const at = Math.max(0, self)
  const chosen = new Set<string>()
  const choose = (list: readonly PeerPlace[], index: number): void => {
    const place = list[((index % list.length) + list.length) % list.length]
    if (place !== undefined && place.peerId !== selfPeerId) chosen.add(place.peerId)
  }
  for (let distance = 1; distance < count; distance *= 2) {
    choose(places, at + distance)
    choose(places, at - distance)
  }
  const open = places.filter((place) => place.hasEndpoint)
  if (open.length > 0) {
    choose(open, at)
    choose(open, at + 1)
  }
  return chosen
}
