import * as z from 'zod'
import { isName } from '../../protocol/names.ts'
import {
  type Address,
  type Cidr,
  networkOf,
  overlaps,
  parseCidr,
  unusableRanges,
} from '../addresses.ts'

/** `container_network`: this host's range for containers. */
export interface ContainerNetworkObject {
  readonly type: 'container_network'
  /** The `wireguard_network` through which other hosts reach it; absent for a host's own use. */
  readonly network?: string | undefined
  readonly subnet: Cidr
  /** IPv6 beside it, for this host's own use: no other host has a route to it. */
  readonly subnet6?: Cidr | undefined
}

const subnet: z.ZodType<Cidr, string> = z.string().transform((text, context) => {
  const cidr = parseCidr(text)
  if (cidr === undefined || networkOf(cidr).bits !== cidr.bits) {
    context.addIssue('must be a network such as 10.69.1.0/24')
    return z.NEVER
  }
  if (cidr.length < 8 || unusableRanges.some((range) => overlaps(range, cidr))) {
    context.addIssue('is not in a range that a cluster can use')
    return z.NEVER
  }
  return cidr
})

/** Schema of `container_network`. */
export const containerNetworkSchema: z.ZodType<ContainerNetworkObject> = z
  .strictObject({
    type: z.literal('container_network'),
    network: z.string().refine(isName, 'must be the name of an object').optional(),
    subnet,
    subnet6: subnet.optional(),
  })
  .superRefine((object, context) => {
    if (object.subnet6 === undefined) return
    const path = ['subnet6']
    if (object.subnet6.family !== 6) {
      context.addIssue({ code: 'custom', message: 'must be an IPv6 network', path })
    } else if (object.subnet.family !== 4) {
      const message = 'goes with an IPv4 subnet: this one is IPv6 already'
      context.addIssue({ code: 'custom', message, path })
    }
  })

/** The types of this room, with their schemas. */
export const containerNetworkTypes: Readonly<Record<string, z.ZodType>> = {
  container_network: containerNetworkSchema,
}

/** The network of one container. */
export interface AttachmentSpec {
  /** Name of the `runc_container`. */
  readonly object: string
  readonly address: Address
  /** IPv6 beside it. */
  readonly address6?: Address | undefined
  /** That of the WireGuard link, or 1500 where its network has none. */
  readonly mtu: number
}

/** A container's way to the network, as the host makes it. */
export interface Attachment extends AttachmentSpec {
  /** Name of the `container_network`. */
  readonly network: string
  /** Name of the host's end of its link. */
  readonly link: string
  /** Alias of that when it is whole. */
  readonly alias: string
  /** The source address of the host's own packets, that of the WireGuard link; null without one. */
  readonly source: Address | null
  /** Everything that the container refers to; those with the same can be held back together. */
  readonly references: readonly string[]
}

/** A range of this host. */
export interface SubnetSpec {
  /** Name of the `container_network`. */
  readonly object: string
  readonly subnet: Cidr
  /** The WireGuard link that others reach it through, and that link's range; null without one. */
  readonly through: { readonly link: string; readonly range: Cidr } | null
}

/** The network of a host's containers. */
export interface ContainerNetworkSpec {
  /** Ordered by object name; no two overlap. */
  readonly subnets: readonly SubnetSpec[]
  /** Ordered by object name; no two have one address. */
  readonly attachments: readonly Attachment[]
  /** Objects that are faulty in the config: what was applied for them stays. */
  readonly kept: ReadonlySet<string>
  /** True if one of those may be a `container_network`, whose range is then not known. */
  readonly keepsSubnets: boolean
}
