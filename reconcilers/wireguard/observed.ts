import type { Cidr } from '../addresses.ts'
import type { LinkSeen, RouteSeen } from '../tools/ip-parse.ts'
import type { DeviceSeen, PeerSeen } from '../tools/wg.ts'
import type { Memory, NameMemory } from './memory.ts'

/** Prefix of an alias of covey's links; the name of the object follows. */
export const aliasPrefix: string = 'covey:'

/** The observed WireGuard links of a host. */
export interface WireguardObserved {
  /** Milliseconds since 1970, for ages only. */
  readonly nowMs: number
  /** All links of the host, by name. */
  readonly links: ReadonlyMap<string, LinkSeen>
  /** Routes with covey's protocol number, on whatever link. */
  readonly routes: readonly RouteSeen[]
  /** Ranges that a route of covey's guards (guards.ts). */
  readonly guards: readonly Cidr[]
  /** Their text for the next boot; empty for nothing. */
  readonly boot: string
  /** Devices of links that may be covey's; null for one that does not answer. */
  readonly devices: ReadonlyMap<string, DeviceSeen | null>
  /** Public keys of this host, the newest first. */
  readonly ownKeys: readonly string[]
  readonly memory: Memory
  /** All names that the spec's endpoints have, with what they resolve to now. */
  readonly names: ReadonlyMap<string, NameMemory>
  /** The time at which a name must be resolved again, in ms since 1970; null for never. */
  readonly dueAtMs: number | null
}

/** True if a link is one that WireGuard has, in the kernel or in user space. */
export function isTunnel(link: LinkSeen): boolean {
  return link.kind === 'wireguard' || link.kind === 'tun'
}

/** Time since the last handshake; infinite where there was none, or where it lies in the future. */
export function handshakeAgeMs(peer: PeerSeen | undefined, nowMs: number): number {
  if (peer === undefined || peer.handshakeSeconds === 0) return Number.POSITIVE_INFINITY
  const ageMs = nowMs - peer.handshakeSeconds * 1000
  // A second of tolerance: the tool tells whole seconds.
  return ageMs < -1000 ? Number.POSITIVE_INFINITY : Math.max(0, ageMs)
}
