import { type HostSection, objectFaults } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { cidrText, networkOf, overlaps } from '../addresses.ts'
import type { Cluster, HostReading } from '../cluster/cluster.ts'
import { findNetwork, type HostNetwork } from '../cluster/networks.ts'
import { checkLink, typeIn } from '../cluster/references.ts'
import type { Resolved } from '../reconciler.ts'
import { type Candidate, judgeCandidates, type LinkContext, peerOf } from './candidates.ts'
import { explicitCandidate, meshCandidates } from './peer-candidates.ts'
import {
  type Kept,
  type LinkSpec,
  meshSchema,
  type NetworkObject,
  type PeerObject,
  type PeerSpec,
  peerSchema,
  type WireguardJudgement,
  type WireguardSpec,
} from './spec.ts'

/** Findings collected while a section is resolved. */
interface Findings {
  readonly pending: { readonly object: string; readonly reason: string }[]
  readonly faulty: { readonly object: string; readonly fault: Fault }[]
  readonly kept: Kept[]
  readonly references: Record<string, readonly string[]>
}

/**
 * Resolves the WireGuard links of one host (docs/OBJECTS.md, wireguard). Refusals are made here,
 * before anything is touched: overlapping networks, default routes, addresses out of range.
 */
export function resolveWireguard(cluster: Cluster, host: string): Resolved<WireguardSpec> {
  return resolveLinks(cluster, host, allMembers)
}

/**
 * As `resolveWireguard`, but of the members of a mesh only these hosts and those that something may
 * be wrong with: no other could be at fault for them, so those that are left are the same.
 */
export function resolveTowards(
  cluster: Cluster,
  host: string,
  others: ReadonlySet<string>,
): readonly LinkSpec[] {
  const { spec } = resolveLinks(cluster, host, (context, hasPeers) => {
    const all = allMembers(context)
    const troubled = new Set(troubledHosts(context))
    return hasPeers ? all : all.filter((each) => others.has(each.host) || troubled.has(each))
  })
  return spec.links
}

/**
 * The faults alone, in the same order. The members of a mesh are all hosts, and each of these has a
 * mesh of its own: only those are made here that something may be wrong with.
 */
export function judgeWireguard(cluster: Cluster, host: string): WireguardJudgement {
  const { spec, faulty } = resolveLinks(cluster, host, (context, hasPeers) => {
    // Also a sound member may be in the way of a peer that is named.
    return hasPeers ? allMembers(context) : troubledHosts(context)
  })
  return { links: spec.links.map(({ peers: _, ...link }) => link), faulty }
}

/** Hosts that may be members of the mesh of a link; `hasPeers` where it has peers beside them. */
type Members = (context: LinkContext, hasPeers: boolean) => readonly HostNetwork[]

function allMembers({ cluster, object }: LinkContext): readonly HostNetwork[] {
  return cluster.networks.get(object) ?? []
}

function troubledHosts({ cluster, object, network }: LinkContext): readonly HostNetwork[] {
  return cluster.troubled(object, networkOf(network.address))
}

function resolveLinks(cluster: Cluster, host: string, membersOf: Members): Resolved<WireguardSpec> {
  const own = cluster.host(host)
  const { section } = own
  const findings: Findings = { pending: [], faulty: [], kept: [], references: {} }
  for (const [name, object] of Object.entries(section)) {
    // What is not even an object may have been one of these before.
    if (objectFaults('', name, object).length > 0) findings.kept.push({ object: name, host: null })
  }
  const contexts = ownLinks(cluster, host, findings)
  const peers = ownPeers(host, own, findings)
  const meshes = ownMeshes(host, own, findings)
  const named = takenByPeers(section)
  const links = contexts.map((context) => {
    const mine = peers.get(context.object) ?? []
    const mesh = meshes.get(context.object)
    const candidates = mine.map(({ name, peer }) => explicitCandidate(context, name, peer))
    const taken = named.get(context.object) ?? new Set<string>()
    const hosts = mesh === undefined ? [] : membersOf(context, mine.length > 0)
    const members = mesh === undefined ? [] : meshCandidates(context, mesh, taken, hosts)
    return linkOf(context, settle(context, [...candidates, ...members], findings))
  })
  const { pending, faulty, kept, references } = findings
  const keepsGuards = kept.some(({ object, host: member }) => {
    const type = typeIn(section, object)
    return member === null && type !== 'wireguard_peer' && type !== 'wireguard_mesh'
  })
  const spec = { links, kept, keepsGuards, listed: cluster.listed }
  return { spec, pending, faulty, references }
}

/** Names of the links that a host should have: the kernel's news of others are none for covey. */
export function wireguardLinkNames(cluster: Cluster, host: string): ReadonlySet<string> {
  const findings: Findings = { pending: [], faulty: [], kept: [], references: {} }
  const links = ownLinks(cluster, host, findings)
  return new Set(links.map(({ network }) => network.link_name))
}

/** Fails an object: it stays as it was applied. */
function refuse(findings: Findings, object: string, faults: readonly Fault[]): void {
  for (const fault of faults) findings.faulty.push({ object, fault })
  findings.kept.push({ object, host: null })
}

function namesOf(section: HostSection, type: string): readonly string[] {
  return Object.keys(section)
    .filter(
      (name) =>
        typeIn(section, name) === type && objectFaults('', name, section[name]).length === 0,
    )
    .sort()
}

/** The sound links of a host, ordered by object name. */
function ownLinks(cluster: Cluster, host: string, findings: Findings): readonly LinkContext[] {
  const contexts: LinkContext[] = []
  for (const object of namesOf(cluster.host(host).section, 'wireguard_network')) {
    const own = findNetwork(cluster.networks, host, object)
    if (own === undefined) continue
    const { network } = own
    const clash = network && clashWith(own.path, network, contexts)
    if (network === undefined || clash !== undefined) {
      refuse(findings, object, clash === undefined ? own.faults : [clash])
    } else contexts.push({ host, object, own, network, cluster })
  }
  return contexts
}

/** Two links of one host cannot share a name, a port or a range. */
function clashWith(
  path: string,
  network: NetworkObject,
  others: readonly LinkContext[],
): Fault | undefined {
  for (const { object, network: other } of others) {
    if (network.link_name === other.link_name) {
      const message = `${network.link_name} is the link of ${object}`
      return { code: 'link-repeated', message, path: `${path}.link_name` }
    }
    if (network.listen_port === other.listen_port) {
      const message = `${network.listen_port} is the port of ${object}`
      return { code: 'port-repeated', message, path: `${path}.listen_port` }
    }
    const range = networkOf(other.address)
    if (overlaps(networkOf(network.address), range)) {
      const message = `overlaps with ${cidrText(range)} of ${object}`
      return { code: 'overlap', message, path: `${path}.address` }
    }
  }
  return undefined
}

interface NamedPeer {
  readonly name: string
  readonly peer: PeerObject
}

/** Sound peers by the network that they are of. */
function ownPeers(
  host: string,
  { section, parse }: HostReading,
  findings: Findings,
): ReadonlyMap<string, readonly NamedPeer[]> {
  const peers = new Map<string, NamedPeer[]>()
  for (const name of namesOf(section, 'wireguard_peer')) {
    const path = `hosts.${host}.${name}`
    const { value: peer, faults } = parse(name, peerSchema)
    const broken = checkLink(section, path, name, findings.references)
    if (peer === undefined || broken !== undefined) {
      refuse(findings, name, [...faults, ...(broken === undefined ? [] : [broken])])
    } else {
      const own = peers.get(peer.network) ?? []
      own.push({ name, peer })
      peers.set(peer.network, own)
    }
  }
  return peers
}

/** Meshes by the network that they are of. */
function ownMeshes(
  host: string,
  { section, parse }: HostReading,
  findings: Findings,
): ReadonlyMap<string, string> {
  const meshes = new Map<string, string>()
  for (const name of namesOf(section, 'wireguard_mesh')) {
    const path = `hosts.${host}.${name}`
    const { value: mesh, faults } = parse(name, meshSchema)
    const broken = checkLink(section, path, name, findings.references)
    const known = mesh && meshes.get(mesh.network)
    if (mesh === undefined || broken !== undefined) {
      refuse(findings, name, [...faults, ...(broken === undefined ? [] : [broken])])
    } else if (known !== undefined) {
      const message = `${known} is already a mesh of ${mesh.network}`
      refuse(findings, name, [{ code: 'mesh-repeated', message, path: `${path}.network` }])
    } else meshes.set(mesh.network, name)
  }
  return meshes
}

/**
 * Hosts and keys that explicit peers name, by their network, also faulty ones: a mesh must not
 * overrule them.
 */
function takenByPeers(section: HostSection): ReadonlyMap<string, ReadonlySet<string>> {
  const taken = new Map<string, Set<string>>()
  for (const name of namesOf(section, 'wireguard_peer')) {
    const peer = section[name]
    const network: unknown = peer?.['network']
    if (typeof network !== 'string') continue
    const own = taken.get(network) ?? new Set<string>()
    taken.set(network, own)
    for (const value of [peer?.['host'], peer?.['public_key']]) {
      if (typeof value === 'string') own.add(value)
    }
  }
  return taken
}

/**
 * Sorts candidates into peers, pending and faulty ones. One faulty member does not hold back its
 * mesh.
 */
function settle(
  context: LinkContext,
  candidates: readonly Candidate[],
  findings: Findings,
): readonly PeerSpec[] {
  const faults = judgeCandidates(context, candidates)
  const peers: PeerSpec[] = []
  const keyless = new Map<string, string[]>()
  for (const candidate of candidates) {
    const { object, host, isMesh, publicKey } = candidate
    const found = faults.get(candidate) ?? []
    for (const fault of found) findings.faulty.push({ object, fault })
    if (found.length > 0) findings.kept.push({ object, host: isMesh ? host : null })
    else if (publicKey !== null) peers.push(peerOf(candidate, publicKey))
    else if (isMesh) keyless.set(object, [...(keyless.get(object) ?? []), host ?? ''])
    else findings.pending.push({ object, reason: 'no public key' })
  }
  for (const [object, hosts] of keyless) {
    const more = hosts.length > 3 ? ` and ${hosts.length - 3} more` : ''
    const reason = `no public key of ${hosts.slice(0, 3).join(', ')}${more}`
    findings.pending.push({ object, reason })
  }
  return peers.sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1))
}

function linkOf(context: LinkContext, peers: readonly PeerSpec[]): LinkSpec {
  const { object, network } = context
  return {
    object,
    link: network.link_name,
    address: network.address,
    listenPort: network.listen_port,
    mtu: network.mtu,
    publicKey: network.public_key ?? null,
    peers,
  }
}
