import type { Address, Cidr } from '../../addresses.ts'
import type { Admission } from '../elements/boxes.ts'
import type { HostEndpoint } from './endpoints.ts'
import type { PortRange } from './flow-end.ts'

/** A container of this host, as the firewall sees it. */
export interface LocalContainer {
  readonly object: string
  readonly address: Address
  /** IPv6 beside it; null where that is all, or `address` is this one. */
  readonly address6: Address | null
  /** Host's end of its link. */
  readonly veth: string
  /** Object of its `container_network`. */
  readonly network: string
}

/** A WireGuard link of this host. */
export interface LocalLink {
  readonly object: string
  readonly link: string
  readonly address: Address
  readonly listenPort: number
}

/** The flows that a policy admits in one direction, and its words for the other end. */
export interface PolicyRule extends Admission {
  /** Name of the policy. */
  readonly policy: string
  readonly container: string
  /** As it stands in the config: `container:web`. */
  readonly words: string
}

/** A container may ask what lies behind a link. */
interface ForwardSpec {
  readonly object: string
  readonly container: string
  readonly link: string
}

/** A port of this host that leads to a container. */
export interface PublishSpec {
  readonly object: string
  readonly container: string
  readonly protocol: 'tcp' | 'udp'
  readonly hostPort: number
  readonly containerPort: number
  readonly on: 'network' | 'lan' | 'public'
  /** Address of the WireGuard link that `network` means; null for the others. */
  readonly hostAddress: Address | null
}

/** A port that a host publishes on an address of the mesh, or where tunnels find it. */
export interface RemotePublish {
  readonly host: string
  readonly object: string
  readonly address: Address
  readonly ports: PortRange
}

/**
 * A service of this host itself that a container of another host may use, by a policy over there.
 */
export interface Invitation {
  /** The container that may ask. */
  readonly address: Address
  readonly admissions: readonly Admission[]
}

/** The senders that may reach this host in the overlay. */
export interface OverlaySpec {
  readonly address: Address
  readonly port: number
  readonly peers: readonly Address[]
}

/** The wanted firewall of a host. Everything is ordered by name. */
export interface FirewallSpec {
  readonly host: string
  /** True if there is anything to protect: then the table exists. */
  readonly isNeeded: boolean
  /**
   * True if flows of containers are judged: the host's section has an object of this room. Without
   * one they are open towards the mesh and one another, and only senders, the host's own services
   * and guarded addresses are watched.
   */
  readonly isJudging: boolean
  /** Each once for each of its addresses, the first one first. */
  readonly containers: readonly LocalContainer[]
  /**
   * This host's addresses in the mesh, and those of its containers that the mesh reaches: asked by
   * the mesh's links only. Empty where a link is not known.
   */
  readonly own: readonly Address[]
  readonly links: readonly LocalLink[]
  /** Networks that lie behind each link: what its peers may send from. */
  readonly reach: readonly { readonly link: string; readonly networks: readonly Cidr[] }[]
  /**
   * Networks whose packets only ever come by those links and leave by them: other hosts, their
   * containers, and what else peers have of the links' own ranges. Empty where a link is not known.
   */
  readonly mesh: readonly Cidr[]
  /** Ranges of other hosts' containers, and which of those may ask something of this host. */
  readonly strangers: readonly Cidr[]
  readonly invitations: readonly Invitation[]
  readonly forwards: readonly ForwardSpec[]
  readonly ingress: readonly PolicyRule[]
  readonly egress: readonly PolicyRule[]
  /** Containers whose policy says exactly what they may ask. */
  readonly restricted: ReadonlySet<string>
  readonly publishes: readonly PublishSpec[]
  /** By the `container_network` that they are for. */
  readonly masquerades: readonly {
    readonly object: string
    readonly network: string
    readonly subnet: Cidr
  }[]
  /** Addresses of all hosts' links, with the host. */
  readonly hosts: readonly { readonly host: string; readonly address: Address }[]
  /** Addresses outside the mesh at which tunnels find hosts, with the host; numbers only. */
  readonly endpoints: readonly HostEndpoint[]
  readonly remotePublishes: readonly RemotePublish[]
  readonly overlay: OverlaySpec | null
  /** Ports by which people get in. */
  readonly rescuePorts: readonly PortRange[]
  /** `agent` objects of this host. */
  readonly agents: readonly string[]
  /** Objects of this room on this host, sound or not. */
  readonly objects: readonly string[]
}
