import {
  type Address,
  type Cidr,
  contains,
  hostNetwork,
  parseCidr,
} from '../../../reconcilers/addresses.ts'

/** Class of an address: all but `public` need the consent of this host's administrator. */
export type AddressClass = 'public' | 'loopback' | 'private' | 'link-local' | 'reserved'

/** The special-purpose registries of IANA (RFC 6890), as far as something could answer there. */
const special: readonly (readonly [string, AddressClass])[] = [
  ['0.0.0.0/8', 'loopback'],
  ['127.0.0.0/8', 'loopback'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'private'],
  ['172.16.0.0/12', 'private'],
  ['192.168.0.0/16', 'private'],
  ['169.254.0.0/16', 'link-local'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'reserved'],
  ['198.18.0.0/15', 'reserved'],
  ['198.51.100.0/24', 'reserved'],
  ['203.0.113.0/24', 'reserved'],
  ['224.0.0.0/4', 'reserved'],
  ['240.0.0.0/4', 'reserved'],
  ['::/127', 'loopback'],
  ['fc00::/7', 'private'],
  ['fec0::/10', 'private'],
  ['64:ff9b:1::/48', 'private'],
  ['fe80::/10', 'link-local'],
  ['100::/64', 'reserved'],
  ['2001:db8::/32', 'reserved'],
  ['ff00::/8', 'reserved'],
]

/** Networks of IPv6 that carry an IPv4 address, and how far it is shifted to the left. */
const embedding: readonly (readonly [string, bigint])[] = [
  ['::/96', 0n],
  ['::ffff:0:0/96', 0n],
  ['::ffff:0:0:0/96', 0n],
  ['64:ff9b::/96', 0n],
  ['2002::/16', 80n],
]

function network(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(`not a network: ${text}`)
  return parsed
}

const classes = special.map(([text, each]) => [network(text), each] as const)
const embeddings = embedding.map(([text, shift]) => [network(text), shift] as const)

/**
 * The class of an address. One that carries an IPv4 address (RFC 4291 section 2.5.5, RFC 6052, RFC
 * 3056) is of that address's class.
 */
export function classifyAddress(address: Address): AddressClass {
  const alone = hostNetwork(address)
  for (const [outer, each] of classes) if (contains(outer, alone)) return each
  for (const [outer, shift] of embeddings) {
    if (!contains(outer, alone)) continue
    return classifyAddress({ family: 4, bits: (address.bits >> shift) & 0xffff_ffffn })
  }
  return 'public'
}
