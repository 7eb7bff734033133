import { z } from 'zod'
import { isName } from '../../protocol/names.ts'
import { type Address, type Cidr, networkOf, parseCidr } from '../addresses.ts'

/** `container_network`: this host's range for containers. */
export interface ContainerNetworkObject {
  readonly type: 'container_network'
  /** The `wireguard_network` through which other hosts reach it; absent for a host's own use. */
  readonly network?: string | undefined
  readonly subnet: Cidr
}

const subnet: z.ZodType<Cidr, string> = z.string().transform((text, context) => {
  const cidr = parseCidr(text)
  if (cidr === undefined || networkOf(cidr).bits !== cidr.bits) {
    context.addIssue('must be a network, as 10.69.1.0/24')
    return z.NEVER
  }
  return cidr
})

/** Schema of `container_network`. */
export const containerNetworkSchema: z.ZodType<ContainerNetworkObject> = z.strictObject({
  type: z.literal('container_network'),
  network: z.string().refine(isName, 'must be the name of an object').optional(),
  subnet,
})

/** What one container needs of the network. */
export interface AttachmentSpec {
  /** Name of the `runc_container`. */
  readonly object: string
  readonly address: Address
  /** That of the WireGuard link, or 1500 where its network has none. */
  readonly mtu: number
}

/** Where a container's namespace is, by the name of its object. */
export function namespacePath(object: string): string {
  return `/run/netns/covey-${object}`
}
