import type { HostSection } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import {
  type Address,
  addressText,
  type Cidr,
  cidrText,
  contains,
  hostNetwork,
  widthOf,
} from '../addresses.ts'
import type { HostReading } from '../cluster/cluster.ts'
import { checkReference, typeIn } from '../cluster/references.ts'
import type { ContainerObject } from '../runc/object/container-object.ts'
import { containerSchema } from '../runc/spec.ts'
import type { Findings, OwnNetwork } from './findings.ts'
import { vethName, wholeAlias } from './names.ts'
import type { Attachment } from './spec.ts'

/** MTU of a container whose network no other host reaches: that of an Ethernet link. */
const localMtu: number = 1500

/** The ways to the network that the containers of a host need, ordered by object name. */
export function resolveAttachments(
  { section, parse }: HostReading,
  host: string,
  networks: ReadonlyMap<string, OwnNetwork>,
  findings: Findings,
): readonly Attachment[] {
  const attachments: Attachment[] = []
  const taken = new Map<string, string>()
  const names = Object.keys(section).filter((each) => typeIn(section, each) === 'runc_container')
  for (const name of names.sort()) {
    if (findings.kept.has(name)) continue
    const path = `hosts.${host}.${name}`
    const { value: container } = parse(name, containerSchema)
    // What else is wrong with a container is told by the reconciler that runs it.
    const found = container && attachmentOf(section, path, name, container, networks, taken)
    if (found === null) continue
    if (found === undefined || 'fault' in found) {
      findings.kept.add(name)
      if (found?.fault) findings.faulty.push({ object: name, fault: found.fault })
      continue
    }
    taken.set(addressText(found.address), name)
    if (found.address6 !== undefined) taken.set(addressText(found.address6), name)
    findings.references[name] = found.references
    attachments.push(found)
  }
  return attachments
}

/** Null for a container that needs no network; a null fault where something else is at fault. */
function attachmentOf(
  section: HostSection,
  path: string,
  name: string,
  container: ContainerObject,
  networks: ReadonlyMap<string, OwnNetwork>,
  taken: ReadonlyMap<string, string>,
): Attachment | { readonly fault: Fault | null } | null {
  const { network, address } = container
  // The schema asks for both, or for neither on the host's own network.
  if (network === undefined || address === undefined) return null
  const reference = { field: 'network', type: 'container_network' }
  const broken = checkReference(section, path, reference, network)
  if (broken !== undefined) return { fault: broken }
  const own = networks.get(network)
  if (own === undefined) return { fault: null }
  const fault = addressFault(address, own.object.subnet, own, taken)
  if (fault !== undefined) return { fault: { ...fault, path: `${path}.address` } }
  const { address6 } = container
  const fault6 = address6 && address6Fault(address6, own, taken)
  if (fault6 !== undefined) return { fault: { ...fault6, path: `${path}.address6` } }
  const mtu = own.link?.mtu ?? localMtu
  const source =
    own.link === null ? null : { family: own.link.address.family, bits: own.link.address.bits }
  const references = [network, ...container.mounts.flatMap(({ volume }) => volume ?? [])]
  for (const { secret } of container.secrets) references.push(secret)
  const both = address6 === undefined ? { address } : { address, address6 }
  const needs = { object: name, network, link: vethName(name), ...both, mtu, source }
  const attachment = { ...needs, references: [...new Set(references)] }
  return { ...attachment, alias: wholeAlias(attachment) }
}

function address6Fault(
  address: Address,
  own: OwnNetwork,
  taken: ReadonlyMap<string, string>,
): Omit<Fault, 'path'> | undefined {
  const { subnet6 } = own.object
  if (subnet6 !== undefined) return addressFault(address, subnet6, own, taken)
  return { code: 'outside-range', message: `${own.name} has no subnet6 for it` }
}

function addressFault(
  address: Address,
  subnet: Cidr,
  { link }: OwnNetwork,
  taken: ReadonlyMap<string, string>,
): Omit<Fault, 'path'> | undefined {
  const text = addressText(address)
  if (!contains(subnet, hostNetwork(address))) {
    const message = `${text} is outside the containers' subnet ${cidrText(subnet)}`
    return { code: 'outside-range', message }
  }
  if (isReserved(address, subnet)) {
    const message = `${text} is the first or last address of ${cidrText(subnet)}, which no host can have`
    return { code: 'address-reserved', message }
  }
  if (link !== null && link.address.bits === address.bits) {
    return { code: 'own-network', message: `${text} is this host's own address` }
  }
  const other = taken.get(text)
  if (other === undefined) return undefined
  return { code: 'address-repeated', message: `${text} is the address of ${other}` }
}

/**
 * The network's own address and, for IPv4, its broadcast address (RFC 1122 section 3.2.1.3; for
 * IPv6 the subnet-router anycast address, RFC 4291 section 2.6.1).
 */
function isReserved(address: Address, subnet: Cidr): boolean {
  const free = widthOf(subnet.family) - subnet.length
  if (free < 2) return false
  const place = address.bits - subnet.bits
  return place === 0n || (subnet.family === 4 && place === (1n << BigInt(free)) - 1n)
}
