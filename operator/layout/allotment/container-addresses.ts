import { createHash } from 'node:crypto'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import {
  addressText,
  type Cidr,
  cidrText,
  contains,
  hostNetwork,
  parseAddress,
} from '../../../reconcilers/addresses.ts'
import type { Findings } from '../findings.ts'
import type { Layout } from '../layout.ts'
import { factKey, type Lock } from '../lock.ts'
import type { PodNetwork } from './subnets.ts'

/** Addresses of containers, and how the lock changes by it. */
export interface ContainerAddresses {
  /** By object name. */
  readonly byObject: ReadonlyMap<string, string>
  /** Facts that are new, or taken out (null). */
  readonly facts: ReadonlyMap<string, string | null>
}

/**
 * Gives each of a host's containers an address in its network: that of the lock, else one that its
 * name leads to, so that two operators who add services at the same time rarely choose the same.
 * What the lock keeps for nobody is given away last. Faults: `layout-network`.
 */
export function allotAddresses(
  pods: PodNetwork,
  objects: readonly string[],
  { layout, lock }: { readonly layout: Layout; readonly lock: Lock },
  findings: Findings,
): ContainerAddresses {
  const { host, subnet } = pods
  const prefix = factKey('address', host, '')
  const known = [...lock.facts]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, address]) => ({ object: key.slice(prefix.length), address }))
    .sort((a, b) => (a.object < b.object ? -1 : 1))
  const taken = new Map(writtenAddresses(layout, host).map((address) => [address, '']))
  const byObject = new Map<string, string>()
  const wanted = new Set(objects)
  for (const { object, address } of known) {
    if (!wanted.has(object) || taken.has(address) || !isIn(subnet, address)) continue
    taken.set(address, object)
    byObject.set(object, address)
  }
  const idle = known.filter(
    ({ object, address }) => !wanted.has(object) && !taken.has(address) && isIn(subnet, address),
  )
  for (const { object, address } of idle) taken.set(address, object)
  const facts = new Map<string, string | null>()
  for (const object of [...objects].sort()) {
    if (byObject.has(object)) continue
    const address = freeIn(subnet, object, taken) ?? releaseOf(idle.shift(), facts, prefix)
    if (address === undefined) {
      const message = `has no address left in ${cidrText(subnet)} for ${object}: move services to other hosts`
      findings.faultAt(`hosts.${host}`, 'layout-network', message)
      break
    }
    taken.set(address, object)
    byObject.set(object, address)
    facts.set(prefix + object, address)
  }
  return { byObject, facts }
}

/** The address of a fact without an owner, which goes for it. */
function releaseOf(
  idle: { readonly object: string; readonly address: string } | undefined,
  facts: Map<string, string | null>,
  prefix: string,
): string | undefined {
  if (idle !== undefined) facts.set(prefix + idle.object, null)
  return idle?.address
}

function isIn(subnet: Cidr, text: string): boolean {
  const address = parseAddress(text)
  if (address === undefined || !contains(subnet, hostNetwork(address))) return false
  const offset = Number(address.bits - subnet.bits)
  return offset >= 1 && offset <= sizeOf(subnet)
}

/** Addresses of a subnet without its first and its last one. */
function sizeOf(subnet: Cidr): number {
  return 2 ** (32 - subnet.length) - 2
}

function freeIn(
  subnet: Cidr,
  object: string,
  taken: ReadonlyMap<string, string>,
): string | undefined {
  const size = sizeOf(subnet)
  const start = createHash('sha256').update(object).digest().readUInt32BE(0) % size
  for (let step = 0; step < size; step++) {
    const bits = subnet.bits + BigInt(((start + step) % size) + 1)
    const address = addressText({ family: 4, bits })
    if (!taken.has(address)) return address
  }
  return undefined
}

function writtenAddresses(layout: Layout, host: string): readonly string[] {
  const objects = layout.hosts.get(host)?.objects ?? {}
  return Object.values(objects).flatMap((object) => {
    const address = isObject(object) ? object['address'] : undefined
    return typeof address === 'string' ? [address] : []
  })
}
