import { type Cidr, cidrText, compareNetworks, networkOf } from '../addresses.ts'
import { addressWords, type BatchLine, linkUpWords, routeWords } from '../tools/ip.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import type { DevicePlan } from './devices.ts'
import { type LinkClaim, tunnelOwner } from './links.ts'
import type { WireguardObserved } from './observed.ts'
import type { LinkSpec } from './spec.ts'

/**
 * The lines of the one batch that brings a link up and gives it its addresses and routes; empty if
 * it has them. Adds come before deletes.
 */
export function planBatch(
  link: LinkSpec,
  claim: LinkClaim,
  device: DevicePlan,
  observed: WireguardObserved,
): readonly BatchLine[] {
  const seen = claim.state === 'own' ? claim.seen : null
  const { object, link: name } = link
  const isUp = seen?.up === true && seen.mtu === link.mtu
  const up = { object, words: linkUpWords(name, link.mtu) }
  const wanted = cidrText(link.address)
  const has = seen?.addresses.some((address) => cidrText(address) === wanted) ?? false
  const add = { object, words: addressWords('replace', link.address, name) }
  const extra = (seen?.addresses ?? []).filter((address) => cidrText(address) !== wanted)
  const remove = extra.map((each) => ({ object, words: addressWords('del', each, name) }))
  const routes = planRoutes(link, seen, device, observed)
  const before = [...(isUp ? [] : [up]), ...(has ? [] : [add])]
  if (remove.length === 0) return [...before, ...routes.missing, ...routes.extra]
  // With the first address of a network the kernel takes the others of it, and with the last one of
  // a link its routes. So the address comes twice, and the routes after it.
  return [...before, ...routes.extra, ...remove, add, ...routes.present, ...routes.missing]
}

/**
 * One route for each allowed network, but for default routes and what the address itself brings.
 */
function wantedRoutes(link: LinkSpec, device: DevicePlan): ReadonlyMap<string, WantedRoute> {
  const objects = new Map(link.peers.map((peer) => [peer.publicKey, peer.object]))
  const connected = cidrText(networkOf(link.address))
  const wanted = new Map<string, WantedRoute>()
  for (const peer of device.peers) {
    const object = objects.get(peer.publicKey) ?? link.object
    for (const range of peer.allowedIps) {
      const text = cidrText(range)
      if (range.length > 0 && text !== connected) wanted.set(text, { object, range })
    }
  }
  return wanted
}

interface WantedRoute {
  readonly object: string
  readonly range: Cidr
}

interface RouteLines {
  /** Adds what is wanted and not there. */
  readonly missing: BatchLine[]
  /** Puts what is wanted and there over itself. */
  readonly present: BatchLine[]
  /** Removes what is there and not wanted. */
  readonly extra: BatchLine[]
}

function planRoutes(
  link: LinkSpec,
  seen: LinkSeen | null,
  device: DevicePlan,
  observed: WireguardObserved,
): RouteLines {
  const wanted = wantedRoutes(link, device)
  const present = new Map<string, Cidr>()
  const elsewhere = new Set<string>()
  for (const { destination, link: name } of observed.routes) {
    const owner = observed.links.get(name)
    if (name === link.link) present.set(cidrText(destination), destination)
    else if (owner && tunnelOwner(owner) !== null) elsewhere.add(cidrText(destination))
  }
  if (seen === null || !seen.up) present.clear()
  const lines: RouteLines = { missing: [], present: [], extra: [] }
  const sorted = [...wanted.values()].sort((a, b) => compareNetworks(a.range, b.range))
  for (const { object, range } of sorted) {
    const text = cidrText(range)
    // What is known to be covey's may be replaced; anything else must not be taken from its owner.
    const isOwn = present.has(text) || elsewhere.has(text)
    const words = routeWords(isOwn ? 'replace' : 'add', range, link.link)
    lines[present.has(text) ? 'present' : 'missing'].push({ object, words })
  }
  for (const [text, range] of present) {
    if (wanted.has(text)) continue
    lines.extra.push({ object: link.object, words: routeWords('del', range, link.link) })
  }
  return lines
}
