import { type PeerPlace, peerPlaces } from '../documents/agent-object.ts'
import type { Config } from '../documents/config.ts'

/** The agents that a config, or two of them, give a place to. Shared, never changed. */
export interface Listing {
  /** By host name, in the order of names. */
  readonly places: readonly PeerPlace[]
  readonly byPeer: ReadonlyMap<string, PeerPlace>
  /** Of two places of one host, that of the head. */
  readonly byHost: ReadonlyMap<string, PeerPlace>
  /** Index of each peer in `places`. */
  readonly positions: ReadonlyMap<string, number>
  /** Those with an endpoint, in the same order. */
  readonly open: readonly PeerPlace[]
}

/** A listing of these places, which stand in the order of their hosts' names. */
export function listingOf(places: readonly PeerPlace[]): Listing {
  return {
    places,
    byPeer: new Map(places.map((place) => [place.peerId, place])),
    byHost: new Map(places.map((place) => [place.host, place])),
    positions: new Map(places.map((place, index) => [place.peerId, index])),
    open: places.filter((place) => place.hasEndpoint),
  }
}

function byName(a: PeerPlace, b: PeerPlace): number {
  if (a.host === b.host) return 0
  return a.host < b.host ? -1 : 1
}

/** Listing without a config. */
export const emptyListing: Listing = listingOf([])

/** A config never changes, so neither does its listing; remembered as long as the config is. */
const listings = new WeakMap<Config, Listing>()
const unions = new WeakMap<Config, WeakMap<Config, Listing>>()

/** The agents of one config. */
export function listingIn(config: Config): Listing {
  const known = listings.get(config)
  if (known !== undefined) return known
  const listing = listingOf(peerPlaces(config))
  listings.set(config, listing)
  return listing
}

/**
 * The agents of the head, and of the confirmed config as long as the head still lists their host,
 * so that a bad head does not cut the channel that carries its correction.
 */
export function listingInBoth(head: Config, confirmed: Config): Listing {
  const known = unions.get(head)?.get(confirmed)
  if (known !== undefined) return known
  const { places, byPeer } = listingIn(head)
  const kept = listingIn(confirmed).places.filter((place) => {
    return Object.hasOwn(head.hosts, place.host) && !byPeer.has(place.peerId)
  })
  const both = kept.length === 0 ? listingIn(head) : listingOf([...kept, ...places].sort(byName))
  const inner = unions.get(head) ?? new WeakMap<Config, Listing>()
  unions.set(head, inner.set(confirmed, both))
  return both
}
