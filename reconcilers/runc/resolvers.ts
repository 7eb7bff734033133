import { parseAddress } from '../addresses.ts'
import type { HostResolvers } from '../container-facts.ts'
import { type ContainerRecord, type ContainerSeen, isUp } from '../host-containers.ts'
import type { PlanStep } from '../reconciler.ts'
import { resolvConfFor } from './bundle/resolv-conf.ts'

/** Writes the `/etc/resolv.conf` of several containers. */
export interface ResolversStep extends PlanStep {
  readonly kind: 'resolvers'
  readonly ids: readonly string[]
  readonly text: string
}

/** What a look at a host tells of whom its containers ask for names. */
export interface ResolversSeen {
  /** All of covey's, and leftovers, ordered by id. */
  readonly containers: readonly ContainerSeen[]
  readonly resolvers: HostResolvers
}

/** What a container's `/etc/resolv.conf` has to say now; null where nobody knows its network. */
function wantedText(record: ContainerRecord, resolvers: HostResolvers): string | null {
  if (record.namespace === null) return resolvers.resolvConf
  const family = parseAddress(record.address)?.family
  return family === undefined ? null : resolvConfFor(resolvers, family)
}

/**
 * One step for all containers that get the same text: the host has moved to another network, or has
 * only now heard of one. Also for those that are about to start again, or are no object's any more.
 */
export function planResolvers({ containers, resolvers }: ResolversSeen): readonly ResolversStep[] {
  const stale = new Map<string, string[]>()
  for (const seen of containers) {
    const { id, record, resolvConf } = seen
    if (record === null || resolvConf === null || !(isUp(seen) || seen.isPrepared)) continue
    const text = wantedText(record, resolvers)
    if (text === null || text === resolvConf) continue
    stale.set(text, [...(stale.get(text) ?? []), id])
  }
  return [...stale].map(([text, ids]) => ({ kind: 'resolvers', ids, text, objects: [] }))
}
