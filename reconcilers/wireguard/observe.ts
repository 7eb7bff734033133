import {
  addressText,
  type Cidr,
  contains,
  hostNetwork,
  networkOf,
  parseAddress,
} from '../addresses.ts'
import type { HostPorts } from '../host-ports.ts'
import { handshakeMsMax, resolveMsMax, resolveRetryMs } from '../limits.ts'
import type { LinkSeen, RouteSeen } from '../tools/ip.ts'
import { lookAtLinks } from '../tools/ip-look.ts'
import { type DeviceSeen, dumpCommand, type PeerSeen, parseDump } from '../tools/wg.ts'
import { bootFile } from './guards.ts'
import { loadMemory, type Memory, type NameMemory } from './memory.ts'
import type { LinkSpec, PeerSpec, WireguardSpec } from './spec.ts'

/** What an alias of covey's links starts with; the name of the object follows. */
export const aliasPrefix: string = 'covey:'

/** What one look at a host tells about WireGuard. */
export interface WireguardObserved {
  /** Milliseconds since 1970, for ages only. */
  readonly nowMs: number
  /** All links of the host, by name. */
  readonly links: ReadonlyMap<string, LinkSeen>
  /** Routes with covey's protocol number, on whatever link. */
  readonly routes: readonly RouteSeen[]
  /** Ranges that a route of covey's guards (guards.ts). */
  readonly guards: readonly Cidr[]
  /** What is written down of them for the next boot; empty for nothing. */
  readonly boot: string
  /** Devices of links that may be covey's; null for one that does not answer. */
  readonly devices: ReadonlyMap<string, DeviceSeen | null>
  /** Public keys of this host, the newest first. */
  readonly ownKeys: readonly string[]
  readonly memory: Memory
  /** All names that the spec's endpoints have, with what they resolve to now. */
  readonly names: ReadonlyMap<string, NameMemory>
}

/** Whether a link is one that WireGuard has, in the kernel or in user space. */
export function isTunnel(link: LinkSeen): boolean {
  return link.kind === 'wireguard' || link.kind === 'tun'
}

/**
 * Looks at links, addresses, routes, devices, keys and names. Rejects if a tool does not answer.
 */
export async function observeWireguard(
  spec: WireguardSpec,
  host: HostPorts,
  signal: AbortSignal,
): Promise<WireguardObserved> {
  const [{ links, routes, guards }, memory, boot, ownKeys] = await Promise.all([
    lookAtLinks(host, signal),
    loadMemory(host.files),
    host.files.read(bootFile),
    host.keys.wireguardPublicKeys(),
  ])
  const wanted = new Set(spec.links.map((each) => each.link))
  const own = links.filter(
    (link) =>
      isTunnel(link) &&
      (link.alias?.startsWith(aliasPrefix) || (wanted.has(link.name) && link.alias === null)),
  )
  const devices = new Map(
    await Promise.all(
      own.map(async ({ name }) => [name, await observeDevice(name, host, signal)] as const),
    ),
  )
  const nowMs = host.clock.now()
  const names = await observeNames(spec, { nowMs, devices, memory }, host, signal)
  const byName = new Map(links.map((link) => [link.name, link]))
  return { nowMs, links: byName, routes, guards, boot: boot ?? '', devices, ownKeys, memory, names }
}

async function observeDevice(
  link: string,
  host: HostPorts,
  signal: AbortSignal,
): Promise<DeviceSeen | null> {
  const result = await host.run(dumpCommand(link), signal)
  return result.exitCode === 0 ? parseDump(result.stdout) : null
}

/** Time since the last handshake; infinite where there was none, or where it lies in the future. */
export function handshakeAgeMs(peer: PeerSeen | undefined, nowMs: number): number {
  if (peer === undefined || peer.handshakeSeconds === 0) return Number.POSITIVE_INFINITY
  const ageMs = nowMs - peer.handshakeSeconds * 1000
  // A second of tolerance: the tool tells whole seconds.
  return ageMs < -1000 ? Number.POSITIVE_INFINITY : Math.max(0, ageMs)
}

type Before = Pick<WireguardObserved, 'nowMs' | 'devices' | 'memory'>

async function observeNames(
  spec: WireguardSpec,
  before: Before,
  host: HostPorts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, NameMemory>> {
  const users = new Map<string, { link: LinkSpec; peer: PeerSpec }[]>()
  for (const link of spec.links) {
    for (const peer of link.peers) {
      if (peer.endpoint === null || peer.endpoint.address !== null) continue
      const { host: name } = peer.endpoint
      users.set(name, [...(users.get(name) ?? []), { link, peer }])
    }
  }
  const deadline = new AbortController()
  const either = AbortSignal.any([signal, deadline.signal])
  const questions = [...users].map(async ([name, uses]) => {
    const known = before.memory.names.get(name)
    const isQuiet = uses.some(({ link, peer }) => {
      const seen = before.devices.get(link.link)?.peers
      const found = seen?.find((each) => each.publicKey === peer.publicKey)
      return handshakeAgeMs(found, before.nowMs) > handshakeMsMax
    })
    if (known !== undefined && !isDue(known, isQuiet, before.nowMs)) return [name, known] as const
    const ranges = uses.map(({ link }) => networkOf(link.address))
    const isInside = (text: string): boolean => {
      const address = parseAddress(text)
      return address !== undefined && ranges.some((each) => contains(each, hostNetwork(address)))
    }
    const found = await host.resolveName(name, either).catch((): readonly string[] => [])
    const usable = found.flatMap((text) => canonical(text) ?? []).filter((text) => !isInside(text))
    const address = pick(usable, known?.address ?? null)
    return [name, { address, askedMs: before.nowMs }] as const
  })
  if (questions.length === 0) return new Map()
  const timer = new AbortController()
  const timeout = host.clock
    .sleep(resolveMsMax, AbortSignal.any([signal, timer.signal]))
    .then(() => deadline.abort())
  const names = new Map(await Promise.all(questions))
  timer.abort()
  await timeout
  return names
}

/** A name is asked for again when nobody behind it answers, or it had no answer itself. */
function isDue(known: NameMemory, isQuiet: boolean, nowMs: number): boolean {
  const ageMs = nowMs < known.askedMs ? Number.POSITIVE_INFINITY : nowMs - known.askedMs
  return known.address === null ? ageMs >= resolveRetryMs : isQuiet && ageMs >= handshakeMsMax
}

/**
 * The last good address if there is no new one. If it is among several, the one after it, as it was
 * asked for because this one does not answer: a name with a dead IPv6 address gets to its IPv4 one.
 */
function pick(found: readonly string[], last: string | null): string | null {
  if (last === null) return found[0] ?? null
  const at = found.indexOf(last)
  return found[(at + 1) % Math.max(1, found.length)] ?? last
}

function canonical(text: string): string | undefined {
  const address = parseAddress(text)
  return address && addressText(address)
}
