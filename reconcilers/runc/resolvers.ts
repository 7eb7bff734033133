import { parseAddress } from '../addresses.ts'
import type { HostResolvers } from '../container-facts.ts'
import type { ContainerRecord } from '../host-containers.ts'
import { resolvConfFor } from './bundle/resolv-conf.ts'
import { isUp } from './containers.ts'
import type { RuncObserved } from './observe.ts'
import type { RuncStep } from './plan.ts'

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
export function planResolvers({ containers, resolvers }: RuncObserved): readonly RuncStep[] {
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
