import { type Cidr, cidrText, compareNetworks, networkOf } from '../addresses.ts'
import {
  addressWords,
  type BatchLine,
  type LinkSeen,
  linkUpWords,
  routeWords,
} from '../tools/ip.ts'
import type { DevicePlan } from './devices.ts'
import { type LinkClaim, ownerOf } from './links.ts'
import type { WireguardObserved } from './observe.ts'
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
  const isUp = seen?.up === true && seen.mtu === link.mtu
  const up = { object: link.object, words: linkUpWords(link.link, link.mtu) }
  const addresses = addressLines(link, seen)
  const isCut = addresses.some(({ words }) => words[1] === 'del')
  const routes = routeLines(link, seen, device, observed, isCut)
  return [...(isUp ? [] : [up]), ...addresses, ...routes]
}

function addressLines(link: LinkSpec, seen: LinkSeen | null): readonly BatchLine[] {
  const wanted = cidrText(link.address)
  const extra = (seen?.addresses ?? []).filter((address) => cidrText(address) !== wanted)
  const has = seen?.addresses.some((address) => cidrText(address) === wanted) ?? false
  const { object } = link
  const add = { object, words: addressWords('replace', link.address, link.link) }
  const remove = extra.map((address) => ({
    object,
    words: addressWords('del', address, link.link),
  }))
  if (remove.length === 0) return has ? [] : [add]
  // With the first address of a network the kernel removes the others of it, so the wanted one
  // comes twice.
  return [add, ...remove, add]
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

function routeLines(
  link: LinkSpec,
  seen: LinkSeen | null,
  device: DevicePlan,
  observed: WireguardObserved,
  isCut: boolean,
): readonly BatchLine[] {
  const wanted = wantedRoutes(link, device)
  const present = new Map<string, Cidr>()
  const elsewhere = new Set<string>()
  for (const { destination, link: name } of observed.routes) {
    const text = cidrText(destination)
    const owner = observed.links.get(name)
    if (name === link.link) present.set(text, destination)
    else if (owner && ownerOf(owner) !== null) elsewhere.add(text)
  }
  if (seen === null || !seen.up) present.clear()
  const lines: BatchLine[] = []
  const sorted = [...wanted.values()].sort((a, b) => compareNetworks(a.range, b.range))
  for (const { object, range } of sorted) {
    const text = cidrText(range)
    // Routes may go with an address that is removed. What is known to be covey's can be put over
    // itself.
    const isOwn = present.has(text) || elsewhere.has(text)
    if (present.has(text) && !isCut) continue
    const words = routeWords(isOwn ? 'replace' : 'add', range, link.link)
    lines.push({ object, words })
  }
  for (const [text, range] of present) {
    if (wanted.has(text)) continue
    lines.push({ object: link.object, words: routeWords('del', range, link.link) })
  }
  return lines
}
