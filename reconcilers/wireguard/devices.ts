import {
  type Cidr,
  cidrText,
  endpointText,
  parseAddress,
  parseCidr,
  parseEndpoint,
} from '../addresses.ts'
import { handshakeMsMax, lostJitterMs, renewalsMax, renewJitterMs, renewMs } from '../limits.ts'
import type { DeviceSeen, PeerSeen, PeerWanted } from '../tools/wg.ts'
import { claimLink } from './links.ts'
import type { LinkMemory, PeerMemory } from './memory.ts'
import { handshakeAgeMs, type WireguardObserved } from './observed.ts'
import type { LinkSpec, PeerSpec, WireguardSpec } from './spec.ts'

/** The wanted state of one device, and its difference to the present one. */
export interface DevicePlan {
  readonly publicKey: string
  readonly listenPort: number
  readonly peers: readonly PeerWanted[]
  /** Keys of peers to remove first, so that they begin anew. */
  readonly renew: readonly string[]
  /** Objects that the difference is about; empty if there is none. */
  readonly changed: readonly string[]
  /** True if it differs at all: a peer that nobody wants belongs to no object. */
  readonly isDifferent: boolean
  /** True if it differs in how silent peers are to be reached, and in nothing else. */
  readonly recurs: boolean
  readonly memory: LinkMemory
}

/** Plans one device. `device` is null for a link that is yet to be made. */
export function planDevice(
  link: LinkSpec,
  publicKey: string,
  device: DeviceSeen | null,
  spec: WireguardSpec,
  observed: WireguardObserved,
): DevicePlan {
  const before = device === null ? undefined : observed.memory.links.get(link.link)
  const seen = new Map(device?.peers.map((peer) => [peer.publicKey, peer]))
  const wanted = link.peers.filter((peer) => peer.publicKey !== publicKey)
  const changed = new Set<string>()
  const memory = new Map<string, PeerMemory>()
  const peers: PeerWanted[] = []
  const renew: string[] = []
  let recurs = true
  for (const peer of wanted) {
    const known = before?.peers.get(peer.publicKey)
    const context = { peer, seen: seen.get(peer.publicKey), known, observed, publicKey }
    const isNew = renew.length < renewalsMax && isToRenew(context)
    const target = targetOf(context, isNew)
    if (isNew) renew.push(peer.publicKey)
    if (isNew || differs(target, context.seen)) changed.add(peer.object)
    // Neither is a sign that somebody undoes what was applied.
    recurs &&= isNew || !differs({ ...target, endpoint: null }, context.seen)
    peers.push(target)
    memory.set(peer.publicKey, remembered(context, isNew))
  }
  for (const { peer, known } of device === null ? [] : keptPeers(link, spec, observed)) {
    peers.push(peer)
    memory.set(peer.publicKey, known)
  }
  const names = new Set(peers.map((peer) => peer.publicKey))
  const isStrange = device?.peers.some((peer) => !names.has(peer.publicKey)) ?? false
  const isOwn = device?.publicKey === publicKey && device.listenPort === link.listenPort
  if (!isOwn || isStrange) changed.add(link.object)
  recurs &&= isOwn && !isStrange
  return {
    publicKey,
    listenPort: link.listenPort,
    peers,
    renew,
    changed: [...changed],
    isDifferent: changed.size > 0,
    recurs,
    memory: { object: link.object, making: false, peers: memory },
  }
}

interface PeerContext {
  readonly peer: PeerSpec
  readonly seen: PeerSeen | undefined
  readonly known: PeerMemory | undefined
  readonly observed: WireguardObserved
  /** The link's own key. */
  readonly publicKey: string
}

/** The numeric endpoint that the config asks for, or null. */
function configuredEndpoint({ peer, observed }: PeerContext): string | null {
  if (peer.endpoint === null) return null
  const { address, host, port } = peer.endpoint
  const found = address ?? parseAddress(observed.names.get(host)?.address ?? '')
  return found ? endpointText(found, port) : null
}

/**
 * The peer as it should be. Its endpoint is written only if it must change: a roamed one stays
 * unless the configured one is new or the handshake is over.
 */
function targetOf(context: PeerContext, isNew: boolean): PeerWanted {
  const { peer, seen, known, observed } = context
  const configured = configuredEndpoint(context)
  const isOver = handshakeAgeMs(seen, observed.nowMs) > handshakeMsMax
  const isDue = isNew || isOver || configured !== (known?.endpoint ?? null)
  const isOther = isNew || configured !== (seen?.endpoint ?? null)
  const write = configured !== null && isDue && isOther
  const { publicKey, allowedIps, keepaliveSeconds } = peer
  // A renewed peer without a configured endpoint keeps the one that it was last seen at.
  const roamed = isNew && seen?.endpoint && parseEndpoint(seen.endpoint) ? seen.endpoint : null
  return { publicKey, allowedIps, keepaliveSeconds, endpoint: write ? configured : roamed }
}

function differs(target: PeerWanted, seen: PeerSeen | undefined): boolean {
  if (seen === undefined || target.endpoint !== null) return true
  if (target.keepaliveSeconds !== seen.keepaliveSeconds) return true
  return target.allowedIps.map(cidrText).sort().join() !== seen.allowedIps.join()
}

/**
 * True if a peer has been silent for so long that it is removed and added again: WireGuard refuses
 * a host whose clock was once ahead until it has caught up, and forgets that only with the peer.
 * Each end of a tunnel has a time of its own, drawn from both keys, so that they do not keep
 * interrupting each other.
 */
function isToRenew({ peer, seen, known, observed, publicKey }: PeerContext): boolean {
  if (seen === undefined || known === undefined) return false
  const { nowMs } = observed
  const share = spread(`${publicKey} ${peer.publicKey} ${known.sinceMs}`)
  // One that was well may come back from a boot with a clock in 1970, and would be refused for its
  // earlier handshake. Once it was renewed there is none.
  const wasWell = seen.handshakeSeconds > 0
  const limitMs = wasWell ? handshakeMsMax + share * lostJitterMs : renewMs + share * renewJitterMs
  const quietMs = handshakeAgeMs(seen, nowMs)
  const ageMs = nowMs < known.sinceMs ? Number.POSITIVE_INFINITY : nowMs - known.sinceMs
  return Math.min(quietMs, ageMs) > limitMs
}

/** A number in [0, 1) that looks random and is the same for the same text (FNV-1a, 32 bits). */
function spread(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
  }
  return hash / 2 ** 32
}

function remembered(context: PeerContext, isNew: boolean): PeerMemory {
  const { peer, seen, known, observed } = context
  const isSince = isNew || seen === undefined || known === undefined
  return {
    object: peer.object,
    host: peer.host,
    // Whether it was written now, or the device had it, or it has been applied before.
    endpoint: configuredEndpoint(context),
    sinceMs: isSince ? observed.nowMs : known.sinceMs,
  }
}

/** A peer of a faulty object, as it is to stay. */
interface KeptPeer {
  readonly peer: PeerWanted
  readonly known: PeerMemory
}

/**
 * Peers of faulty objects stay as they are, less the networks that others now have, and less hosts
 * that are gone. A network has one route: where peers of two links would keep it, the one stays
 * that its route leads to, else that of the first link.
 */
function keptPeers(
  link: LinkSpec,
  spec: WireguardSpec,
  observed: WireguardObserved,
): readonly KeptPeer[] {
  const staying = stayingPeers(link, spec, observed)
  if (staying.length === 0) return []
  const sound = spec.links.flatMap((each) => each.peers.flatMap((peer) => peer.allowedIps))
  const taken = new Set([...sound.map(cidrText), ...keptElsewhere(link, spec, observed)])
  return staying.map(({ seen, known }) => {
    const allowedIps = networksOf(seen).filter((range) => !taken.has(cidrText(range)))
    const { publicKey, keepaliveSeconds } = seen
    return { peer: { publicKey, allowedIps, keepaliveSeconds, endpoint: null }, known }
  })
}

/** Networks that peers of faulty objects on other links keep before those on this one. */
function keptElsewhere(
  link: LinkSpec,
  spec: WireguardSpec,
  observed: WireguardObserved,
): readonly string[] {
  const routes = new Map(observed.routes.map((each) => [cidrText(each.destination), each.link]))
  const position = spec.links.indexOf(link)
  return spec.links.flatMap((other, index) => {
    if (index === position || claimLink(other, spec, observed).state !== 'own') return []
    const networks = stayingPeers(other, spec, observed).flatMap(({ seen }) => networksOf(seen))
    return networks.map(cidrText).filter((network) => {
      const holder = routes.get(network)
      return holder === other.link || (holder !== link.link && index < position)
    })
  })
}

/** Peers on a link that were applied for objects which are faulty now, as the kernel has them. */
function stayingPeers(
  link: LinkSpec,
  spec: WireguardSpec,
  observed: WireguardObserved,
): readonly { readonly seen: PeerSeen; readonly known: PeerMemory }[] {
  const wanted = new Set(link.peers.map((peer) => peer.publicKey))
  const before = observed.memory.links.get(link.link)
  return (observed.devices.get(link.link)?.peers ?? []).flatMap((seen) => {
    const known = before?.peers.get(seen.publicKey)
    if (known === undefined || wanted.has(seen.publicKey)) return []
    const isKept = spec.kept.some(
      ({ object, host }) => object === known.object && (host === null || host === known.host),
    )
    if (!isKept || (known.host !== null && !spec.listed.has(known.host))) return []
    return [{ seen, known }]
  })
}

function networksOf(seen: PeerSeen): readonly Cidr[] {
  return seen.allowedIps.flatMap((text) => parseCidr(text) ?? [])
}
