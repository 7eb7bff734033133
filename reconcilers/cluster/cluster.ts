import type * as z from 'zod'
import type { Config, HostSection } from '../../protocol/documents/config.ts'
import type { Cidr } from '../addresses.ts'
import type { ContainerNetworkSpec } from '../container-network/spec.ts'
import type { Invitation, RemotePublish } from '../nftables/flows/firewall.ts'
import type { Resolved } from '../reconciler.ts'
import type { WireguardJudgement, WireguardSpec } from '../wireguard/spec.ts'
import type { SubnetClashes } from './clashes.ts'
import type { NameIndex } from './names.ts'
import type { HostNetwork, NetworkIndex } from './networks.ts'
import type { SchemaResult } from './parse.ts'
import type { Places } from './places.ts'
import type { RangeIndex } from './ranges.ts'

/**
 * The parts of a config that are read. One that is not signed yet has no `aud`, or an empty one.
 */
export type ConfigPart = Pick<Config, 'hosts'> & Partial<Pick<Config, 'aud'>>

/**
 * A config and what several hosts or reconcilers need to know of it (index.ts makes it). Each part
 * is worked out when it is first asked for, and kept for as long as the config.
 */
export interface Cluster {
  readonly config: ConfigPart
  /** Names of all listed hosts. */
  readonly listed: ReadonlySet<string>
  /** `container_network` objects, sound or not. */
  readonly ranges: RangeIndex
  /** `wireguard_network` objects, sound or not. */
  readonly networks: NetworkIndex
  /** Subnets that overlap with those of other hosts. */
  readonly clashes: SubnetClashes
  /** Addresses of hosts, containers and agents. */
  readonly places: Places
  /** Names that containers can ask for. */
  readonly names: NameIndex
  /** Ports that hosts publish. */
  readonly publishes: readonly RemotePublish[]
  /** Flows that containers of other hosts may open to each host, by host. */
  readonly invitations: ReadonlyMap<string, readonly Invitation[]>
  /** Hosts with an agent that have a path of tunnels to another host with an agent. */
  readonly connected: ReadonlySet<string>
  /** Hosts whose network of a name may be at fault in a mesh over this range (troubled.ts). */
  troubled(network: string, range: Cidr): readonly HostNetwork[]
  /** The reading of one host; kept until another host is asked for, as a config lists many. */
  host(name: string): HostReading
}

/** One host's section, whose objects are each parsed once. */
export interface HostReading {
  /** Empty where the host is not listed. */
  readonly section: HostSection
  /** Its links with all their peers. */
  readonly links: Resolved<WireguardSpec>
  /** The faults of its links, and its sound links. Costs less than `links` in a large mesh. */
  readonly judgedLinks: WireguardJudgement
  /** Ways of its containers to the network. */
  readonly attachments: Resolved<ContainerNetworkSpec>
  /** An object of this name; `schema` is that of its type. */
  parse<T>(name: string, schema: z.ZodType<T>): SchemaResult<T>
}
