import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { HostSection } from '../../protocol/documents/config.ts'
import type { ConfigPart } from '../cluster/cluster.ts'
import { clusterOf } from '../cluster/index.ts'
import { sectionOf } from '../cluster/references.ts'
import { judgeRunc } from '../runc/resolve.ts'
import { containerEffects } from './containers.ts'
import type { ObjectEffect } from './effect.ts'
import { linksMadeAnew } from './links.ts'

/**
 * The effect of a change of the config on the containers and links of a host that was as `before`
 * says, by object. Containers are in it also where their own object has not changed, as that of one
 * whose secret has: those that stay as they are have the effect `none`. Objects that are not in
 * both configs, of other types or faulty are left out. Pure.
 */
export function hostEffects(
  before: ConfigPart,
  after: ConfigPart,
  host: string,
): ReadonlyMap<string, ObjectEffect> {
  const [old, next] = [clusterOf(before), clusterOf(after)]
  const effects = new Map(containerEffects(judgeRunc(old, host).spec, judgeRunc(next, host).spec))
  const links = [old.host(host).judgedLinks.links, next.host(host).judgedLinks.links] as const
  for (const object of linksMadeAnew(...links)) {
    effects.set(object, { effect: 'restart', gap: true })
  }
  shareEffects(sectionOf(after, host) ?? {}, effects)
  return effects
}

/** Who shares the network of a container that goes and comes back starts anew with it. */
function shareEffects(section: HostSection, effects: Map<string, ObjectEffect>): void {
  for (const [object, { effect }] of [...effects]) {
    if (effect !== 'none' && effect !== 'live') continue
    const container: unknown = section[object]
    // One that must run once is never started anew (plan.ts of runc).
    if (!isObject(container) || container['restart'] === 'never') continue
    const owner = container['network_of']
    const other = typeof owner === 'string' ? effects.get(owner)?.effect : undefined
    if (other === 'replace' || other === 'restart') {
      effects.set(object, { effect: 'restart', gap: true })
    }
  }
}
