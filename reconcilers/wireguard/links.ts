import { networkOf, overlaps } from '../addresses.ts'
import type { Verdict } from '../reconciler.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import type { DeviceSeen } from '../tools/wg.ts'
import { aliasPrefix, isTunnel, type WireguardObserved } from './observed.ts'
import type { LinkSpec, WireguardSpec } from './spec.ts'

/** The present owner of a wanted link. */
export type LinkClaim =
  /** There is none. */
  | { readonly state: 'absent' }
  /** It is covey's, and named so or to be named so. */
  | { readonly state: 'own'; readonly seen: LinkSeen; readonly isNamed: boolean }
  /** It is covey's but does not answer: only making it again helps. */
  | { readonly state: 'dead' }
  /** It cannot be what the object wants. */
  | { readonly state: 'refused'; readonly reason: string }

/** Alias of the link of an object. */
export function aliasOf(object: string): string {
  return `${aliasPrefix}${object}`
}

/** Names of the objects that stay as they were applied, in whole. */
function keptObjects(spec: WireguardSpec): ReadonlySet<string> {
  return new Set(spec.kept.filter(({ host }) => host === null).map(({ object }) => object))
}

/** Decides whose the link of a network is, and whether it can be made what it should be. */
export function claimLink(
  wanted: LinkSpec,
  spec: WireguardSpec,
  observed: WireguardObserved,
): LinkClaim {
  const key = linkKey(wanted, observed)
  if (key.refused !== null) return { state: 'refused', reason: key.refused }
  const seen = observed.links.get(wanted.link)
  if (seen === undefined) return { state: 'absent' }
  const device = observed.devices.get(wanted.link)
  const owner = tunnelOwner(seen)
  if (owner === wanted.object) {
    return device ? { state: 'own', seen, isNamed: true } : { state: 'dead' }
  }
  const wasMaking = device ? isHalfMade(wanted, seen, device, observed) : false
  const isLeft = owner !== null && !keptObjects(spec).has(owner)
  if (!isTunnel(seen) || !(wasMaking || isLeft)) {
    return { state: 'refused', reason: "not covey's link" }
  }
  return device ? { state: 'own', seen, isNamed: false } : { state: 'dead' }
}

/**
 * True if this is the bare link that covey said it was about to make, and could not name any more.
 */
function isHalfMade(
  wanted: LinkSpec,
  seen: LinkSeen,
  device: DeviceSeen,
  observed: WireguardObserved,
): boolean {
  const memory = observed.memory.links.get(wanted.link)
  const isMeant = memory?.making === true && memory.object === wanted.object
  const isBare = seen.addresses.length === 0 && device.peers.length === 0
  return isMeant && seen.alias === null && isBare && device.publicKey === null
}

/** The object that a link says it belongs to, or null if it is not covey's WireGuard. */
export function tunnelOwner(seen: LinkSeen): string | null {
  if (!isTunnel(seen) || seen.alias === null || !seen.alias.startsWith(aliasPrefix)) return null
  return seen.alias.slice(aliasPrefix.length)
}

/** Which of the host's keys a link uses, or why it can use none. */
export function linkKey(
  wanted: LinkSpec,
  observed: WireguardObserved,
): { readonly key: string; readonly refused: null } | { readonly refused: string } {
  const key = wanted.publicKey ?? observed.ownKeys[0]
  if (key === undefined) return { refused: 'this host has no WireGuard key' }
  if (observed.ownKeys.includes(key)) return { key, refused: null }
  return { refused: "public_key is not one of this host's own keys" }
}

/** A link of covey's that no object wants any more. */
export interface Leftover {
  readonly link: string
  /** It stands in the way of a link that is wanted, so it cannot go last. */
  readonly isInTheWay: boolean
}

/** Finds links with covey's alias that no object wants, and that no faulty object keeps. */
export function leftovers(spec: WireguardSpec, observed: WireguardObserved): readonly Leftover[] {
  const kept = new Set(keptObjects(spec))
  const wanted = new Map(spec.links.map((each) => [each.link, each]))
  for (const each of spec.links) {
    if (claimLink(each, spec, observed).state === 'refused') kept.add(each.object)
  }
  const found: Leftover[] = []
  for (const seen of observed.links.values()) {
    const owner = tunnelOwner(seen)
    if (owner === null || kept.has(owner) || wanted.has(seen.name)) continue
    const port = observed.devices.get(seen.name)?.listenPort
    const isInTheWay = spec.links.some(
      (each) =>
        each.listenPort === port ||
        seen.addresses.some((address) => overlaps(networkOf(address), networkOf(each.address))),
    )
    found.push({ link: seen.name, isInTheWay })
  }
  return found.sort((a, b) => (a.link < b.link ? -1 : 1))
}

/**
 * Verdicts that follow from an observation: links that cannot be, names without address, own keys
 * as peers.
 */
export function judgeLinks(spec: WireguardSpec, observed: WireguardObserved): readonly Verdict[] {
  const verdicts: Verdict[] = []
  for (const link of spec.links) {
    const claim = claimLink(link, spec, observed)
    if (claim.state === 'refused') {
      verdicts.push({ object: link.object, state: 'failed', reason: claim.reason })
      continue
    }
    const own = linkKey(link, observed)
    for (const { object, publicKey, endpoint } of link.peers) {
      if (own.refused === null && publicKey === own.key) {
        verdicts.push({ object, state: 'failed', reason: "names this link's own key" })
      } else if (endpoint?.address === null && !observed.names.get(endpoint.host)?.address) {
        const reason = `no address for ${endpoint.host}`
        verdicts.push({ object, state: 'pending', reason })
      }
    }
  }
  return verdicts
}
