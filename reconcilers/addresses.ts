/**
 * IPv4 and IPv6 addresses and networks as numbers, so that two spellings of one address are one
 * address. Texts out of here are canonical: RFC 5952 for IPv6.
 */

/** IPv4 or IPv6. */
type Family = 4 | 6

/** An address. */
export interface Address {
  readonly family: Family
  readonly bits: bigint
}

/** An address with the length of its network's prefix; `bits` may hold a host part. */
export interface Cidr extends Address {
  readonly length: number
}

const widths: Readonly<Record<Family, number>> = { 4: 32, 6: 128 }

/** Bits of an address of a family. */
export function widthOf(family: Family): number {
  return widths[family]
}

/**
 * Parses an address without prefix length or zone. IPv4 in dotted decimal without leading zeros.
 */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

function parseIpv4(text: string): Address | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let bits = 0n
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    bits = (bits << 8n) | BigInt(part)
  }
  return { family: 4, bits }
}

/** RFC 4291 section 2.2: groups, one `::`, and an IPv4 address in place of the last two groups. */
function parseIpv6(text: string): Address | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map(groupsOf)
  if (head === undefined) return undefined
  let groups = head
  if (halves.length === 2) {
    if (tail === undefined) return undefined
    const missing = 8 - head.length - tail.length
    if (missing < 1) return undefined
    groups = [...head, ...Array.from({ length: missing }, () => 0n), ...tail]
  }
  if (groups.length !== 8) return undefined
  return { family: 6, bits: groups.reduce((bits, group) => (bits << 16n) | group, 0n) }
}

function groupsOf(text: string): readonly bigint[] | undefined {
  if (text === '') return []
  const groups: bigint[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const ipv4 = index === parts.length - 1 ? parseIpv4(part) : undefined
      if (ipv4 === undefined) return undefined
      groups.push(ipv4.bits >> 16n, ipv4.bits & 0xffffn)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
      groups.push(BigInt(`0x${part}`))
    }
  }
  return groups
}

/** Parses `address/length`; undefined if either is not there or not valid. */
export function parseCidr(text: string): Cidr | undefined {
  const [, head, tail] = /^([0-9a-fA-F:.]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  if (head === undefined || tail === undefined) return undefined
  const address = parseAddress(head)
  if (address === undefined || Number(tail) > widths[address.family]) return undefined
  return { ...address, length: Number(tail) }
}

/** The one text of an address. */
export function addressText(address: Address): string {
  if (address.family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((address.bits >> shift) & 0xffn)).join('.')
  }
  const groups: string[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    groups.push(((address.bits >> shift) & 0xffffn).toString(16))
  }
  // RFC 5952 section 4.2: the first of the longest runs of two or more zero groups becomes `::`.
  const runs = groups.join(':').match(/\b0(:0)+\b/g) ?? []
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  if (longest === '') return groups.join(':')
  const text = groups.join(':')
  const at = text.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`))
  const before = text.slice(0, at).replace(/:$/, '')
  const after = text.slice(at + longest.length).replace(/^:/, '')
  return `${before}::${after}`
}

/** `address/length`, with the host part where there is one. */
export function cidrText(cidr: Cidr): string {
  return `${addressText(cidr)}/${cidr.length}`
}

/** The network that an address with a prefix length lies in. */
export function networkOf(cidr: Cidr): Cidr {
  const shift = BigInt(widths[cidr.family] - cidr.length)
  return { ...cidr, bits: (cidr.bits >> shift) << shift }
}

/** The network that holds one address only. */
export function hostNetwork(address: Address): Cidr {
  return { family: address.family, bits: address.bits, length: widths[address.family] }
}

const mapped: Cidr = { family: 6, bits: 0xffffn << 32n, length: 96 }

/**
 * The IPv4 network that an IPv6-mapped one stands for (RFC 4291 section 2.5.5.2); undefined for any
 * other. Programs name IPv4 hosts so among themselves; no packet has such an address.
 */
export function unmapped(network: Cidr): Cidr | undefined {
  if (!contains(mapped, network)) return undefined
  return { family: 4, bits: network.bits & 0xffff_ffffn, length: network.length - mapped.length }
}

/** True if `outer` holds all of `inner`. Other families hold nothing of each other. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false
  const shift = BigInt(widths[outer.family] - outer.length)
  return outer.bits >> shift === inner.bits >> shift
}

/** True if two networks share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a)
}

/**
 * Order by family, then first address, then the wider network: a network comes before what it
 * holds.
 */
export function compareNetworks(a: Cidr, b: Cidr): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.bits !== b.bits) return a.bits < b.bits ? -1 : 1
  return a.length - b.length
}

/** A place on the network: `host` is a canonical address or a name in lower case. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** The address, or null where `host` is a name. */
  readonly address: Address | null
}

const label = '[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?'
const namePattern = new RegExp(`^${label}(\\.${label})*$`)

/** Parses `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port` (RFC 3986 section 3.2.2). */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, head, tail] = /^(.{1,255}):([1-9]\d{0,4})$/.exec(text) ?? []
  const port = Number(tail)
  if (head === undefined || port > 65535) return undefined
  const [, bracketed] = /^\[([0-9a-fA-F:.]+)\]$/.exec(head) ?? []
  if (bracketed !== undefined) {
    const address = parseAddress(bracketed)
    return address?.family === 6 ? { host: addressText(address), port, address } : undefined
  }
  const address = parseIpv4(head)
  if (address !== undefined) return { host: addressText(address), port, address }
  // A last label of digits only is a mistyped IPv4 address (RFC 3696 section 2).
  if (!namePattern.test(head) || /(^|\.)\d+$/.test(head)) return undefined
  return { host: head.toLowerCase(), port, address: null }
}

/** `192.0.2.1:51820` or `[2001:db8::1]:51820`. */
export function endpointText(address: Address, port: number): string {
  const text = addressText(address)
  return address.family === 6 ? `[${text}]:${port}` : `${text}:${port}`
}

/** Ranges that no cluster can use: this network, loopback, link-local, multicast (RFC 6890). */
export const unusableRanges: readonly Cidr[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
]
  .concat(['::/96', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'])
  .flatMap((text) => parseCidr(text) ?? [])
