import type { Fault } from '../../protocol/fault.ts'
import type { NetworkObject } from '../wireguard/spec.ts'
import type { ContainerNetworkObject } from './spec.ts'

/** Findings collected while a section is resolved. */
export interface Findings {
  readonly faulty: { readonly object: string; readonly fault: Fault }[]
  /** Objects that stay as they were applied. */
  readonly kept: Set<string>
  readonly references: Record<string, readonly string[]>
}

/** A sound `container_network` of the host. */
export interface OwnNetwork {
  readonly name: string
  readonly object: ContainerNetworkObject
  /** The link by which others reach it; null for a host's own use. */
  readonly link: NetworkObject | null
}
