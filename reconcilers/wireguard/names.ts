import { addressText, contains, hostNetwork, networkOf, parseAddress } from '../addresses.ts'
import type { HostPorts } from '../host-ports.ts'
import {
  contactMs,
  contactTriesMax,
  handshakeMsMax,
  resolveMsMax,
  resolveRetryMs,
} from '../limits.ts'
import { parseBatchFailures, waysCommand } from '../tools/ip.ts'
import type { NameMemory } from './memory.ts'
import { handshakeAgeMs, type WireguardObserved } from './observed.ts'
import type { LinkSpec, PeerSpec, WireguardSpec } from './spec.ts'

type Before = Pick<WireguardObserved, 'nowMs' | 'devices' | 'memory'>

/** A peer that is reached by a name. */
interface Use {
  readonly link: LinkSpec
  readonly peer: PeerSpec
}

/** Peers by the names of their endpoints. */
function usesOf(spec: WireguardSpec): ReadonlyMap<string, readonly Use[]> {
  const uses = new Map<string, Use[]>()
  for (const link of spec.links) {
    for (const peer of link.peers) {
      if (peer.endpoint === null || peer.endpoint.address !== null) continue
      const { host: name } = peer.endpoint
      uses.set(name, [...(uses.get(name) ?? []), { link, peer }])
    }
  }
  return uses
}

/** The addresses of a spec's endpoints, resolved again where that is due. */
export async function observeNames(
  spec: WireguardSpec,
  before: Before,
  host: HostPorts,
  signal: AbortSignal,
): Promise<Pick<WireguardObserved, 'names' | 'dueAtMs'>> {
  const deadline = new AbortController()
  const either = AbortSignal.any([signal, deadline.signal])
  const due: number[] = []
  const questions = [...usesOf(spec)].map(async ([name, uses]) => {
    const known = before.memory.names.get(name)
    const isQuiet = uses.some((use) => isSilent(use, before))
    const now = await nameNow(name, uses, { known, isQuiet, before }, host, either)
    if (isQuiet && now.address !== null) due.push(now.askedMs + patienceMs(now))
    return [name, now] as const
  })
  if (questions.length === 0) return { names: new Map(), dueAtMs: null }
  const timer = new AbortController()
  const timeout = host.clock
    .sleep(resolveMsMax, AbortSignal.any([signal, timer.signal]))
    .then(() => deadline.abort())
  const names = new Map(await Promise.all(questions))
  timer.abort()
  await timeout
  return { names, dueAtMs: due.length === 0 ? null : Math.min(...due) }
}

/** True if a peer has had no handshake for so long that it is out of reach, or never had one. */
function isSilent({ link, peer }: Use, { devices, nowMs }: Before): boolean {
  const seen = devices.get(link.link)?.peers
  const found = seen?.find((each) => each.publicKey === peer.publicKey)
  return handshakeAgeMs(found, nowMs) > handshakeMsMax
}

interface Known {
  readonly known: NameMemory | undefined
  readonly isQuiet: boolean
  readonly before: Before
}

async function nameNow(
  name: string,
  uses: readonly Use[],
  { known, isQuiet, before: { nowMs } }: Known,
  host: HostPorts,
  signal: AbortSignal,
): Promise<NameMemory> {
  if (known !== undefined && !isDue(known, isQuiet, nowMs)) {
    return isQuiet ? known : { ...known, tries: 0 }
  }
  const ranges = uses.map(({ link }) => networkOf(link.address))
  const isInside = (text: string): boolean => {
    const address = parseAddress(text)
    return address !== undefined && ranges.some((each) => contains(each, hostNetwork(address)))
  }
  const found = await host.resolveName(name, signal).catch((): readonly string[] => [])
  const usable = found.flatMap((text) => canonical(text) ?? []).filter((text) => !isInside(text))
  const last = known?.address ?? null
  const address = pick(await withWays([...new Set(usable)], host, signal), last)
  const tries = last === null ? 0 : Math.min((known?.tries ?? 0) + 1, contactTriesMax)
  return { address, askedMs: nowMs, tries }
}

/**
 * A name is asked for again when nobody behind it answers, or it had no answer itself: at first
 * often, as one of its addresses may be of a family that leads nowhere.
 */
function isDue(known: NameMemory, isQuiet: boolean, nowMs: number): boolean {
  const ageMs = nowMs < known.askedMs ? Number.POSITIVE_INFINITY : nowMs - known.askedMs
  return known.address === null ? ageMs >= resolveRetryMs : isQuiet && ageMs >= patienceMs(known)
}

/** The longest time without an answer from an address before the next one is tried. */
function patienceMs({ tries }: NameMemory): number {
  return tries < contactTriesMax ? contactMs : handshakeMsMax
}

/** Those of several addresses to which this host has a way; all of them where it has to none. */
async function withWays(
  addresses: readonly string[],
  host: HostPorts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (addresses.length < 2) return addresses
  const result = await host.run(waysCommand(addresses), signal).catch(() => null)
  if (result === null) return addresses
  const missing = parseBatchFailures(result)
  const found = addresses.filter((_, index) => !missing.has(index))
  return found.length === 0 ? addresses : found
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
