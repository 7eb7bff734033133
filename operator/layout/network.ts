import {
  type Cidr,
  cidrText,
  networkOf,
  parseAddress,
  parseCidr,
  addressText as textOf,
} from '../../reconcilers/addresses.ts'

/**
 * The cluster's IPv4 range. Its first /24 is for hosts; the Nth /24 after it is for containers of
 * host N.
 */
export interface Network {
  /** First address, as a number. */
  readonly base: number
  readonly prefix: number
}

/** The highest number of a host in the first /24. */
const hostNumberMax = 254

/** An IPv4 address as a number, or undefined. */
function numberOf(text: string): number | undefined {
  const address = parseAddress(text)
  return address?.family === 4 ? Number(address.bits) : undefined
}

function addressText(address: number): string {
  return textOf({ family: 4, bits: BigInt(address) })
}

/** Parses a network such as `10.69.0.0/16`; otherwise returns a message. */
export function parseNetwork(text: string): Network | string {
  const match = /^([^/]+)\/(\d{1,2})$/.exec(text)
  const base = match?.[1] === undefined ? undefined : numberOf(match[1])
  const prefix = Number(match?.[2])
  if (base === undefined || prefix > 32) return 'must be an IPv4 network such as 10.69.0.0/16'
  if (prefix < 8 || prefix > 23) {
    return 'must be /8 to /23: its first /24 is for hosts, and each has a /24 for containers'
  }
  const size = 2 ** (32 - prefix)
  if (base % size !== 0)
    return `is not the start of a network: did you mean ${addressText(base - (base % size))}/${prefix}?`
  const first = base / 2 ** 24
  if (first < 1 || first >= 224 || Math.floor(first) === 127)
    return 'must be a range of unicast addresses'
  return { base, prefix }
}

/** The number of hosts that fit into a network. */
export function hostsIn(network: Network): number {
  return Math.min(hostNumberMax, 2 ** (24 - network.prefix) - 1)
}

/** Mesh address of host N, from 1. */
export function hostAddress(network: Network, number: number): string {
  return addressText(network.base + number)
}

/** The number of the host with an address, or undefined if it is not a host address. */
export function hostNumberOf(network: Network, address: string): number | undefined {
  const value = numberOf(address)
  const number = value === undefined ? 0 : value - network.base
  return number >= 1 && number <= hostsIn(network) ? number : undefined
}

/** The /24 for containers that belongs to the number of a host; 0 is that of the hosts. */
export function podsSubnet(network: Network, number: number): Cidr {
  return { family: 4, bits: BigInt(network.base + number * 256), length: 24 }
}

/** `fd69::/48`, or a message about what is wrong with it. */
export function parseNetwork6(text: string): Cidr | string {
  const cidr = parseCidr(text)
  if (cidr?.family !== 6) return 'must be an IPv6 network, as fd69:1:2::/48'
  if (cidr.length < 16 || cidr.length > 48) return 'must be /16 to /48: each host has a /64'
  if (networkOf(cidr).bits !== cidr.bits) return `did you mean ${cidrText(networkOf(cidr))}?`
  return cidr
}

/** The /64 for containers that belongs to a /24 for containers. */
export function podsSubnet6(network: Network, network6: Cidr, subnet: Cidr): Cidr {
  const number = (subnet.bits - BigInt(network.base)) >> 8n
  return { family: 6, bits: network6.bits + (number << 64n), length: 64 }
}

/** The IPv6 address beside an IPv4 one: it ends in the same number. */
export function addressBeside(subnet: Cidr, subnet6: Cidr, address: string): string | undefined {
  const parsed = parseAddress(address)
  if (parsed?.family !== 4) return undefined
  return textOf({ family: 6, bits: subnet6.bits + (parsed.bits - subnet.bits) })
}

/** All of the cluster's range. */
export function wholeNetwork(network: Network): Cidr {
  return { family: 4, bits: BigInt(network.base), length: network.prefix }
}
