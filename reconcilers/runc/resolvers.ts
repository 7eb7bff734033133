import { parseAddress } from '../addresses.ts'
import type { HostResolvers } from '../container-facts.ts'
import { type ContainerRecord, type ContainerSeen, isUp } from '../host-containers.ts'
import type { PlanStep } from '../reconciler.ts'
import { resolvConfOf } from './bundle/resolv-conf.ts'
import type { DnsObject } from './relations/name-fields.ts'
import type { RuncSpec } from './spec.ts'

/** Writes the `/etc/resolv.conf` of several containers. */
export interface ResolversStep extends PlanStep {
  readonly kind: 'resolvers'
  readonly ids: readonly string[]
  readonly text: string
}

/** The observed resolvers of a host and its containers. */
export interface ResolversSeen {
  /** All containers of covey, leftovers included, ordered by id. */
  readonly containers: readonly ContainerSeen[]
  readonly resolvers: HostResolvers
}

/** The text that a container's `/etc/resolv.conf` must have now; null if its network is unknown. */
function wantedText(
  record: ContainerRecord,
  dns: DnsObject | undefined,
  resolvers: HostResolvers,
): string | null {
  if (record.namespace === null) return resolvConfOf(resolvers, null, dns)
  const family = parseAddress(record.address)?.family
  return family === undefined ? null : resolvConfOf(resolvers, family, dns)
}

/**
 * Plans one step for all containers that get the same text, after the host joined another network
 * or its first one. Includes those that are about to restart or belong to no object any more.
 */
export function planResolvers(
  spec: Pick<RuncSpec, 'containers'>,
  { containers, resolvers }: ResolversSeen,
): readonly ResolversStep[] {
  const policies = new Map(spec.containers.map(({ id, policy }) => [id, policy]))
  const stale = new Map<string, string[]>()
  for (const seen of containers) {
    const { id, record, resolvConf } = seen
    if (record === null || resolvConf === null || !(isUp(seen) || seen.isPrepared)) continue
    const { dns } = policies.get(id) ?? record.policy
    const text = wantedText(record, dns, resolvers)
    if (text === null || text === resolvConf) continue
    stale.set(text, [...(stale.get(text) ?? []), id])
  }
  return [...stale].map(([text, ids]) => ({ kind: 'resolvers', ids, text, objects: [] }))
}
