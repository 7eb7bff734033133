import { BlockList, isIPv6 } from 'node:net'
import type { Hosts } from './config-hosts.ts'

/**
 * A model of what passes, as docs/OBJECTS.md says it. Written from that page alone, and with
 * nothing of what it is there to check.
 */
export interface Ask {
  /** A container. */
  readonly from: Place
  /** A container, or a port of a host by its address in the mesh. */
  readonly to: Place | { readonly host: string; readonly port: number }
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  /** Of the container that is asked; no matter for a port of a host. */
  readonly port: number
}

/** A container of a host. */
export interface Place {
  readonly host: string
  readonly container: string
}

type Thing = Readonly<Record<string, unknown>>

/** The verdicts of two hosts on a flow; the same one twice where there is only one. */
export interface Verdicts {
  readonly out: boolean
  readonly in: boolean
}

const ofType = (section: Readonly<Record<string, Thing>>, type: string): readonly Thing[] =>
  Object.values(section).filter((each) => each['type'] === type)

const textOf = (value: unknown): string => String(value)

function within(network: string, address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  const [base = '', length] = network.split('/')
  if (isIPv6(base) !== isIPv6(address)) return false
  const list = new BlockList()
  list.addSubnet(base, Number(length ?? (family === 'ipv6' ? 128 : 32)), family)
  return list.check(address, family)
}

/** Addresses of a host in the mesh. */
export function meshAddresses(hosts: Hosts, host: string): readonly string[] {
  return ofType(hosts[host] ?? {}, 'wireguard_network').map(
    ({ address }) => textOf(address).split('/')[0] ?? '',
  )
}

/** The address of a container. */
export function addressOf(hosts: Hosts, { host, container }: Place): string {
  return textOf(hosts[host]?.[container]?.['address'])
}

/** True if an end of a policy stands for an address; `self` is the policy's host. */
function standsFor(hosts: Hosts, self: string, end: string, address: string): boolean {
  const [, kind, name = ''] = /^(container|host):(.*)$/.exec(end) ?? []
  if (kind === 'host') return meshAddresses(hosts, name).includes(address)
  if (kind === undefined) return within(end, address)
  const [first = '', second] = name.split('/')
  const place =
    second === undefined ? { host: self, container: first } : { host: first, container: second }
  return addressOf(hosts, place) === address
}

function hasPort(ports: unknown, protocol: string, port: number): boolean {
  if (!Array.isArray(ports)) return true
  return ports.some((each: string) => {
    if (each === 'icmp') return protocol === 'icmp'
    const [range = '', of] = each.split('/')
    const [first, last] = range.split('-').map(Number)
    return of === protocol && (first ?? 0) <= port && port <= (last ?? first ?? 0)
  })
}

interface Rule {
  readonly end: string
  readonly ports: unknown
}

/** All that the policies of a container say of one way; null where none says anything. */
function rulesOf(
  hosts: Hosts,
  { host, container }: Place,
  way: 'ingress' | 'egress',
): readonly Rule[] | null {
  const policies = ofType(hosts[host] ?? {}, 'nftables_policy').filter(
    (each) => each['container'] === container && each[way] !== undefined,
  )
  if (policies.length === 0) return null
  return policies.flatMap((each) =>
    (each[way] as readonly Thing[]).map((rule) => ({
      end: textOf(rule[way === 'ingress' ? 'from' : 'to']),
      ports: rule['ports'],
    })),
  )
}

const judges = (hosts: Hosts, host: string): boolean =>
  Object.values(hosts[host] ?? {}).some((each) => textOf(each['type']).startsWith('nftables_'))

/** The publish of a host that an ask is for: all containers come from private addresses. */
function publishOf(hosts: Hosts, host: string, protocol: string, port: number): Thing | undefined {
  return ofType(hosts[host] ?? {}, 'nftables_publish').find(
    (each) => (each['protocol'] ?? 'tcp') === protocol && each['host_port'] === port,
  )
}

interface Flow {
  readonly address: string
  readonly protocol: string
  readonly port: number
  /** Where the one who is asked is. */
  readonly host: string
}

/** The way out. `isHost` where a host's own address is asked. */
function mayAsk(hosts: Hosts, from: Place, flow: Flow, isHost: boolean): boolean {
  const rules = rulesOf(hosts, from, 'egress')
  const fits = (each: Rule): boolean =>
    standsFor(hosts, from.host, each.end, flow.address) &&
    hasPort(each.ports, flow.protocol, flow.port)
  if (isHost) {
    const names = (each: Rule): boolean =>
      each.end.startsWith('host:') || each.end.split('/')[0] === flow.address
    const isNamed = (rules ?? []).some((each) => names(each) && fits(each))
    const isPublished = publishOf(hosts, flow.host, flow.protocol, flow.port) !== undefined
    if (!(isNamed || isPublished)) return false
  }
  if (!judges(hosts, from.host)) return true
  if (rules !== null) return rules.some(fits)
  if (flow.host === from.host) return true
  // Everything that is asked here lies behind the link of its family.
  const own = hosts[from.host] ?? {}
  const network = textOf(own[from.container]?.['network'])
  const link = own[network]?.['network']
  return ofType(own, 'nftables_forward').some(
    (each) => each['to'] === link && (each['from'] === from.container || each['from'] === network),
  )
}

/** The way in, by no published port. */
function mayBeAsked(hosts: Hosts, from: string, to: Place, flow: Flow): boolean {
  if (!judges(hosts, to.host)) return true
  return (rulesOf(hosts, to, 'ingress') ?? []).some(
    (each) =>
      standsFor(hosts, to.host, each.end, from) && hasPort(each.ports, flow.protocol, flow.port),
  )
}

/**
 * The verdicts of the hosts at both ends on an ask. While a host goes from one config to the next
 * its ports may lead by one of both, `published`, and its containers ask by the other.
 */
export function verdictsOf(
  hosts: Hosts,
  { from, to, protocol, port }: Ask,
  published: Hosts = hosts,
): Verdicts {
  const asker = addressOf(hosts, from)
  if ('container' in to) {
    const flow = { address: addressOf(hosts, to), protocol, port, host: to.host }
    return { out: mayAsk(hosts, from, flow, false), in: mayBeAsked(hosts, asker, to, flow) }
  }
  const publish = publishOf(published, to.host, protocol, to.port)
  const [address = ''] = meshAddresses(hosts, to.host)
  const flow = { address, protocol, port: to.port, host: to.host }
  if (to.host !== from.host) {
    return { out: mayAsk(hosts, from, flow, true), in: publish !== undefined }
  }
  if (publish === undefined) return { out: false, in: false }
  // On its own host the port stands for the container.
  const led = { host: to.host, container: textOf(publish['container']) }
  const asked = { ...flow, address: addressOf(hosts, led), port: Number(publish['container_port']) }
  return { out: mayAsk(hosts, from, asked, false), in: true }
}
