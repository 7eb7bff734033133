import { isObject } from '../../../protocol/documents/canonical-json.ts'
import {
  type Cidr,
  cidrText,
  contains,
  overlaps,
  parseCidr,
} from '../../../reconcilers/addresses.ts'
import { freeAddress } from '../addresses.ts'
import type { Findings } from '../findings.ts'
import type { Layout } from '../layout.ts'
import { hostFact, type Lock } from '../lock.ts'
import { hostNumberOf, hostsIn, podsSubnet, wholeNetwork } from '../network.ts'

/** The network of a host's containers. */
export interface PodNetwork {
  readonly host: string
  readonly subnet: Cidr
  /** Name of the `container_network`. */
  readonly object: string
  /** True if the objects of the layout have it already. */
  readonly isWritten: boolean
}

/** Networks of containers by host, and what of it the lock does not say yet. */
export interface PodNetworks {
  readonly byHost: ReadonlyMap<string, PodNetwork>
  readonly facts: ReadonlyMap<string, string>
}

interface Taken {
  readonly host: string
  readonly range: Cidr
  /** Name of the object, where the layout writes it. */
  readonly object: string | undefined
}

/**
 * Gives each of these hosts a /24 for containers: the one of the lock, else that of its own number,
 * else the lowest that is free. Faults: `layout-network`.
 */
export function allotSubnets(
  hosts: readonly string[],
  { layout, lock }: { readonly layout: Layout; readonly lock: Lock },
  findings: Findings,
): PodNetworks {
  const written = writtenSubnets(layout)
  const taken: Taken[] = [...written]
  const byHost = new Map<string, PodNetwork>()
  const facts = new Map<string, string>()
  for (const host of layout.hosts.keys()) {
    const range = keptSubnet(layout, lock, host)
    if (range === undefined) continue
    const same = written.find(
      (each) => each.host === host && cidrText(each.range) === cidrText(range),
    )
    const clash = same === undefined && taken.some((other) => overlaps(other.range, range))
    if (clash) continue
    taken.push({ host, range, object: undefined })
    byHost.set(host, {
      host,
      subnet: range,
      object: same?.object ?? 'pods',
      isWritten: same !== undefined,
    })
  }
  for (const host of [...hosts].sort()) {
    if (byHost.has(host)) continue
    const number = numberOf(layout, lock, host)
    const numbers = Array.from({ length: hostsIn(layout.network) }, (_, index) => index + 1)
    const range = [number, ...numbers]
      .map((each) => podsSubnet(layout.network, each))
      .find((each) => taken.every((other) => !overlaps(other.range, each)))
    if (range === undefined) {
      const message = `${layout.networkText} has no /24 left for its containers: choose a wider network`
      findings.faultAt(`hosts.${host}`, 'layout-network', message)
      continue
    }
    taken.push({ host, range, object: undefined })
    byHost.set(host, { host, subnet: range, object: 'pods', isWritten: false })
    facts.set(`host.${host}.subnet`, cidrText(range))
  }
  return { byHost, facts }
}

/** The subnet of the lock, where it lies in the part of the network that is for containers. */
function keptSubnet(layout: Layout, lock: Lock, host: string): Cidr | undefined {
  const range = parseCidr(hostFact(lock, host, 'subnet') ?? '')
  if (range === undefined || !contains(wholeNetwork(layout.network), range)) return undefined
  return overlaps(range, podsSubnet(layout.network, 0)) ? undefined : range
}

function numberOf(layout: Layout, lock: Lock, host: string): number {
  const address = layout.hosts.get(host)?.address ?? hostFact(lock, host, 'address')
  const given = address ?? freeAddress(layout, lock, host) ?? ''
  return hostNumberOf(layout.network, given) ?? 1
}

/** Subnets of `container_network` objects that the layout itself has. */
function writtenSubnets(layout: Layout): readonly Taken[] {
  return [...layout.hosts].flatMap(([host, { objects }]) =>
    Object.entries(objects).flatMap(([object, value]) => {
      if (!isObject(value) || value['type'] !== 'container_network') return []
      const subnet: unknown = value['subnet']
      const range = typeof subnet === 'string' ? parseCidr(subnet) : undefined
      return range === undefined ? [] : [{ host, range, object }]
    }),
  )
}
