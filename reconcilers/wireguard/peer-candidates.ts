import type { Fault } from '../../protocol/fault.ts'
import { hostNetwork } from '../addresses.ts'
import { findNetwork, type HostNetwork } from '../cluster/networks.ts'
import { type Candidate, keepaliveDefault, type LinkContext } from './candidates.ts'
import type { PeerObject } from './spec.ts'

/** The candidate of a `wireguard_peer`. */
export function explicitCandidate(context: LinkContext, name: string, peer: PeerObject): Candidate {
  const path = `hosts.${context.host}.${name}`
  const other =
    peer.host === undefined
      ? undefined
      : findNetwork(context.cluster.networks, peer.host, context.object)
  const fault = peer.host === undefined ? undefined : hostFault(context, path, peer.host, other)
  const byHost = other?.network
  return {
    object: name,
    host: peer.host ?? null,
    isMesh: false,
    publicKey: peer.public_key ?? byHost?.public_key ?? null,
    endpoint: peer.endpoint ?? byHost?.endpoint ?? null,
    endpointPath: peer.endpoint === undefined ? `${other?.path}.endpoint` : `${path}.endpoint`,
    ranges: peer.allowed_ips.map((range, at) => ({ range, path: `${path}.allowed_ips.${at}` })),
    defaultRoute: peer.default_route,
    keepaliveSeconds:
      peer.persistent_keepalive ?? (peer.host === undefined ? 0 : keepaliveDefault(context)),
    faults: fault === undefined ? [] : [fault],
  }
}

function hostFault(
  context: LinkContext,
  path: string,
  host: string,
  other: HostNetwork | undefined,
): Fault | undefined {
  const at = `${path}.host`
  if (host === context.host) {
    return { code: 'peer-self', message: 'names this host itself', path: at }
  }
  if (!context.cluster.listed.has(host)) {
    return { code: 'host-missing', message: `no host ${host} in this config`, path: at }
  }
  if (other === undefined) {
    const message = `host ${host} has no wireguard_network ${context.object}`
    return { code: 'reference-missing', message, path: at }
  }
  return other.faults[0]
}

/**
 * The candidates of a `wireguard_mesh`: every other of these hosts, which have a network of that
 * object name, but for those in `taken` (hosts and keys that explicit peers name).
 */
export function meshCandidates(
  context: LinkContext,
  mesh: string,
  taken: ReadonlySet<string>,
  hosts: readonly HostNetwork[],
): readonly Candidate[] {
  const keepaliveSeconds = keepaliveDefault(context)
  const others = hosts.filter((other) => {
    const key = other.network?.public_key
    const isTaken = taken.has(other.host) || (key !== undefined && taken.has(key))
    return other.host !== context.host && !isTaken
  })
  return others.map((other) => {
    const { network } = other
    const address = network && {
      range: hostNetwork(network.address),
      path: `${other.path}.address`,
    }
    return {
      object: mesh,
      host: other.host,
      isMesh: true,
      publicKey: network?.public_key ?? null,
      endpoint: network?.endpoint ?? null,
      endpointPath: `${other.path}.endpoint`,
      ranges: address === undefined ? [] : [address, ...other.subnets],
      defaultRoute: false,
      keepaliveSeconds,
      faults: [...other.faults, ...other.subnetFaults],
    }
  })
}
