import { isName } from '../../../protocol/names.ts'
import {
  addressText,
  type Cidr,
  cidrText,
  hostNetwork,
  networkOf,
  parseAddress,
  parseCidr,
  unmapped,
  widthOf,
} from '../../addresses.ts'

/** One end of a flow, as a policy names it. */
export type FlowEnd =
  | { readonly kind: 'network'; readonly network: Cidr }
  /** `host` is null for a container of the same host. */
  | { readonly kind: 'container'; readonly host: string | null; readonly container: string }
  | { readonly kind: 'host'; readonly host: string }

/** Ports of one protocol; `icmp` has none, and stands for ICMPv6 as well. */
export interface PortRange {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  /** Both included; 0 to 65535 for `icmp`. */
  readonly first: number
  readonly last: number
}

/**
 * Parses `10.0.0.0/8`, `192.0.2.7`, `container:web`, `container:cloud01/web` or `host:cloud01`;
 * undefined for anything else, and for a network with bits behind its prefix.
 */
export function parseFlowEnd(text: string): FlowEnd | undefined {
  const [, kind, name] = /^(container|host):(.*)$/.exec(text) ?? []
  if (kind === 'host') return isName(name ?? '') ? { kind, host: name ?? '' } : undefined
  if (kind === 'container') {
    const [first, second, ...rest] = (name ?? '').split('/')
    const [host, container] = second === undefined ? [null, first] : [first ?? '', second]
    if (rest.length > 0 || container === undefined || !isName(container)) return undefined
    return host === null || isName(host) ? { kind, host, container } : undefined
  }
  const address = parseAddress(text)
  const network = address === undefined ? parseCidr(text) : hostNetwork(address)
  if (network === undefined || networkOf(network).bits !== network.bits) return undefined
  return { kind: 'network', network }
}

/**
 * The fault of a network that cannot be the end of a flow, and what to write in its place;
 * undefined without a fault. A rule for IPv4 that is written as IPv6 would be taken, and admit
 * nothing.
 */
export function mappedProblem(text: string, network: Cidr): string | undefined {
  const plain = unmapped(network)
  if (plain === undefined) return undefined
  const wanted = plain.length === widthOf(4) ? addressText(plain) : cidrText(plain)
  return `no packet has an IPv4-mapped address such as ${text}: write ${wanted}`
}

/** Parses `80/tcp`, `8000-8010/udp` or `icmp`; undefined for anything else. */
export function parsePorts(text: string): PortRange | undefined {
  if (text === 'icmp') return { protocol: 'icmp', first: 0, last: 65535 }
  const [, from, to, name] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?\/(tcp|udp)$/.exec(text) ?? []
  if (from === undefined || name === undefined) return undefined
  const [first, last] = [Number(from), Number(to ?? from)]
  if (last > 65535 || first > last) return undefined
  return { protocol: name === 'tcp' ? 'tcp' : 'udp', first, last }
}
