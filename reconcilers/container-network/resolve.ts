import { objectFaults } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { cidrText, contains, networkOf, overlaps } from '../addresses.ts'
import type { SubnetClashes } from '../cluster/clashes.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { findNetwork } from '../cluster/networks.ts'
import { checkLink, typeIn } from '../cluster/references.ts'
import type { Resolved } from '../reconciler.ts'
import type { NetworkObject } from '../wireguard/spec.ts'
import { resolveAttachments } from './attachments.ts'
import type { Findings, OwnNetwork } from './findings.ts'
import type { ContainerNetworkObject, ContainerNetworkSpec } from './spec.ts'

/**
 * Resolves the namespaces and links of one host's containers (docs/OBJECTS.md, container_network).
 * Refused here, before anything is touched: subnets that overlap, also with those of other hosts,
 * and addresses that are outside, taken or reserved.
 */
export function resolveContainerNetwork(
  cluster: Cluster,
  host: string,
): Resolved<ContainerNetworkSpec> {
  const own = cluster.host(host)
  const { section } = own
  const findings: Findings = { faulty: [], kept: new Set(), references: {} }
  for (const [name, object] of Object.entries(section)) {
    // What is not even an object may have been one of these before.
    if (objectFaults('', name, object).length > 0) findings.kept.add(name)
  }
  const networks = ownNetworks(cluster, host, findings)
  const isKept = (name: string): boolean =>
    findings.kept.has(name) && typeIn(section, name) !== 'runc_container'
  const keepsSubnets = Object.keys(section).some(isKept)
  const attachments = resolveAttachments(own, host, networks, findings)
  const subnets = [...networks.values()].flatMap(({ name, object, link }) => {
    const through = link && { link: link.link_name, range: networkOf(link.address) }
    const first = { object: name, subnet: object.subnet, through }
    if (object.subnet6 === undefined) return [first]
    return [first, { object: name, subnet: object.subnet6, through: null }]
  })
  const { faulty, kept, references } = findings
  return { spec: { subnets, attachments, kept, keepsSubnets }, pending: [], faulty, references }
}

/** The sound networks of a host, by name, in the order of names. */
function ownNetworks(
  cluster: Cluster,
  host: string,
  findings: Findings,
): ReadonlyMap<string, OwnNetwork> {
  const { clashes, networks: index } = cluster
  const { section } = cluster.host(host)
  const links = Object.keys(section).flatMap((object) => {
    const network = findNetwork(index, host, object)?.network
    return network === undefined ? [] : [{ object, network }]
  })
  const networks = new Map<string, OwnNetwork>()
  const ranges = [...(cluster.ranges.get(host) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [name, { result }] of ranges) {
    if (findings.kept.has(name)) continue
    const path = `hosts.${host}.${name}`
    const { value: object, faults } = result
    const broken = checkLink(section, path, name, findings.references)
    const found = broken === undefined ? [...faults] : [...faults, broken]
    if (object !== undefined && broken === undefined) {
      const context = { path, object, links, networks, clashes }
      for (const fault of [subnetFault(context), subnet6Fault(context)]) {
        if (fault !== undefined) found.push(fault)
      }
    }
    for (const fault of found) findings.faulty.push({ object: name, fault })
    const link = links.find((each) => each.object === object?.network)?.network
    // Where the link is at fault, that fault is told; nothing is known of its range.
    const isBlind = object?.network !== undefined && link === undefined
    if (object === undefined || found.length > 0 || isBlind) findings.kept.add(name)
    else networks.set(name, { name, object, link: link ?? null })
  }
  return networks
}

interface SubnetContext {
  readonly path: string
  readonly object: ContainerNetworkObject
  /** The sound links of this host. */
  readonly links: readonly { readonly object: string; readonly network: NetworkObject }[]
  /** Networks of this host that were judged before. */
  readonly networks: ReadonlyMap<string, OwnNetwork>
  readonly clashes: SubnetClashes
}

/** It is no other host's matter, so nothing but what this host has counts against it. */
function subnet6Fault({ path, object, links, networks }: SubnetContext): Fault | undefined {
  const { subnet6 } = object
  if (subnet6 === undefined) return undefined
  const others = [
    ...links.map(({ object: name, network }) => ({ name, range: networkOf(network.address) })),
    ...[...networks.values()].flatMap(({ name, object: { subnet, subnet6: six } }) =>
      [subnet, ...(six === undefined ? [] : [six])].map((range) => ({ name, range })),
    ),
  ]
  const other = others.find(({ range }) => overlaps(range, subnet6))
  if (other === undefined) return undefined
  const message = `overlaps with ${cidrText(other.range)} of ${other.name}`
  return { code: 'overlap', message, path: `${path}.subnet6` }
}

function subnetFault({ path, object, links, networks, clashes }: SubnetContext): Fault | undefined {
  const at = `${path}.subnet`
  const { subnet } = object
  for (const { object: name, network } of links) {
    const range = networkOf(network.address)
    if (name !== object.network) {
      if (!overlaps(range, subnet)) continue
      const message = `overlaps with the range ${cidrText(range)} of ${name}`
      return { code: 'overlap', message, path: at }
    }
    if (!contains(range, subnet)) {
      const message = `${cidrText(subnet)} is outside the link's range ${cidrText(range)}`
      return { code: 'outside-range', message, path: at }
    }
    if (range.length === subnet.length) {
      const message = `is the whole range of the link; use a part of ${cidrText(range)}`
      return { code: 'overlap', message, path: at }
    }
  }
  for (const { name, object: other } of networks.values()) {
    const taken = [other.subnet, other.subnet6].find((each) => each && overlaps(each, subnet))
    if (taken === undefined) continue
    const message = `overlaps with ${cidrText(taken)} of ${name}`
    return { code: 'overlap', message, path: at }
  }
  const clash = object.network === undefined ? undefined : clashes.get(at)
  if (clash === undefined) return undefined
  return { code: 'overlap', message: `${cidrText(subnet)} overlaps with ${clash}`, path: at }
}
