import * as z from 'zod'
import { isName } from '../../protocol/names.ts'
import {
  type FlowEnd,
  mappedProblem,
  type PortRange,
  parseFlowEnd,
  parsePorts,
} from './flows/flow-end.ts'
import { flowEndsMax, portsMax } from './limits.ts'

const reference: z.ZodType<string> = z.string().refine(isName, 'must be the name of an object')
const port: z.ZodType<number> = z.int().min(1).max(65535)

const flowEnd: z.ZodType<FlowEnd, string> = z.string().transform((text, context) => {
  const end = parseFlowEnd(text)
  const problem = end?.kind === 'network' ? mappedProblem(text, end.network) : undefined
  if (end !== undefined && problem === undefined) return end
  context.addIssue(problem ?? 'must be a network, container:NAME, container:HOST/NAME or host:NAME')
  return z.NEVER
})

const portRange: z.ZodType<PortRange, string> = z.string().transform((text, context) => {
  const range = parsePorts(text)
  if (range !== undefined) return range
  context.addIssue(
    'must be a port or a range with its protocol, such as 80/tcp, 8000-8010/udp or icmp',
  )
  return z.NEVER
})

const ports: z.ZodType<readonly PortRange[] | undefined> = z
  .array(portRange)
  .min(1)
  .max(portsMax)
  .optional()

/** `nftables_forward`: containers reach what lies behind a WireGuard link. */
export interface ForwardObject {
  readonly type: 'nftables_forward'
  /** A `runc_container` or a `container_network`. */
  readonly from: string
  /** A `wireguard_network`. */
  readonly to: string
}

/** The senders that may open flows to a container. */
interface IngressRule {
  readonly from: FlowEnd
  /** Absent for every port of every protocol. */
  readonly ports?: readonly PortRange[] | undefined
}

/** To whom a container may open flows. */
interface EgressRule {
  readonly to: FlowEnd
  readonly ports?: readonly PortRange[] | undefined
}

/** `nftables_policy`: what a container may be asked for, and whom it may ask. */
export interface PolicyObject {
  readonly type: 'nftables_policy'
  readonly container: string
  readonly ingress?: readonly IngressRule[] | undefined
  readonly egress?: readonly EgressRule[] | undefined
}

/** `nftables_publish`: a port of the host that leads to a container. */
export interface PublishObject {
  readonly type: 'nftables_publish'
  readonly container: string
  readonly protocol: 'tcp' | 'udp'
  readonly host_port: number
  readonly container_port: number
  readonly on: 'network' | 'lan' | 'public'
}

/** `nftables_masquerade`: containers reach the outside by the host's own address. */
export interface MasqueradeObject {
  readonly type: 'nftables_masquerade'
  /** A `container_network`. */
  readonly network: string
}

/** Schema of `nftables_forward`. */
export const forwardSchema: z.ZodType<ForwardObject> = z.strictObject({
  type: z.literal('nftables_forward'),
  from: reference,
  to: reference,
})

/** Schema of `nftables_policy`. */
export const policySchema: z.ZodType<PolicyObject> = z.strictObject({
  type: z.literal('nftables_policy'),
  container: reference,
  ingress: z
    .array(z.strictObject({ from: flowEnd, ports }))
    .max(flowEndsMax)
    .optional(),
  egress: z
    .array(z.strictObject({ to: flowEnd, ports }))
    .max(flowEndsMax)
    .optional(),
})

/** Schema of `nftables_publish`. */
export const publishSchema: z.ZodType<PublishObject> = z.strictObject({
  type: z.literal('nftables_publish'),
  container: reference,
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  host_port: port,
  container_port: port,
  on: z.enum(['network', 'lan', 'public']).default('network'),
})

/** Schema of `nftables_masquerade`. */
export const masqueradeSchema: z.ZodType<MasqueradeObject> = z.strictObject({
  type: z.literal('nftables_masquerade'),
  network: reference,
})

/** The types of this room, with their schemas. */
export const nftablesTypes: Readonly<Record<string, z.ZodType>> = {
  nftables_forward: forwardSchema,
  nftables_policy: policySchema,
  nftables_publish: publishSchema,
  nftables_masquerade: masqueradeSchema,
}
