import type { Config, HostSection } from '../../protocol/documents/config.ts'
import { sectionOf, typeIn } from '../../reconcilers/cluster/references.ts'
import type { ObjectEffect } from '../../reconcilers/effects/effect.ts'
import { hostEffects } from '../../reconcilers/effects/host-effects.ts'
import { fieldChanges } from './fields.ts'
import type { ObjectChange } from './plan-document.ts'
import { hostsOfServices, servicesByObject } from './services.ts'

type Hosts = Pick<Config, 'hosts'>

/** An object as it is told before anybody knows what else runs of its service. */
type HostChange = Omit<ObjectChange, 'gap'> & { readonly interrupts: boolean }

/** Every object that differs between two configs, ordered by host and name. Pure. */
export function objectChanges(before: Hosts, after: Hosts): readonly ObjectChange[] {
  const hosts = new Set([...Object.keys(before.hosts), ...Object.keys(after.hosts)])
  const changes = [...hosts].sort().flatMap((host) => changesOn(host, before, after))
  const [old, next] = [hostsOfServices(before), hostsOfServices(after)]
  return changes.map(({ interrupts, ...change }) => {
    const service = change.service ?? ''
    const others = (next.get(service) ?? []).filter((host) => old.get(service)?.includes(host))
    // Hosts take their turns, so one of several others always serves.
    const isCovered = others.some((host) => host !== change.host)
    return { ...change, gap: interrupts && !isCovered }
  })
}

function changesOn(host: string, before: Hosts, after: Hosts): readonly HostChange[] {
  const [old, next] = [sectionOf(before, host), sectionOf(after, host)]
  if (old === undefined && next === undefined) return []
  const isSame = old !== undefined && next !== undefined && fieldChanges(old, next).length === 0
  if (isSame) return []
  const both = old !== undefined && next !== undefined
  const effects = both ? hostEffects(before, after, host) : new Map<string, ObjectEffect>()
  const names = new Set([...Object.keys(old ?? {}), ...Object.keys(next ?? {})])
  if (names.size === 0) return [hostChange(host, next !== undefined)]
  const services = { old: servicesByObject(old ?? {}), next: servicesByObject(next ?? {}) }
  return [...names].sort().flatMap((object) => {
    const service = services.next.get(object) ?? services.old.get(object) ?? null
    const change = changeOf(object, old ?? {}, next ?? {}, effects.get(object))
    return change === null ? [] : [{ host, object, service, ...change }]
  })
}

/** A host that comes or goes without objects, which would say so themselves. */
function hostChange(host: string, isNew: boolean): HostChange {
  const kind = isNew ? 'add' : 'remove'
  const what = { host, object: '', type: 'host', service: null, kind } as const
  return { ...what, fields: [], effect: 'none', interrupts: false }
}

function changeOf(
  object: string,
  before: HostSection,
  after: HostSection,
  effect: ObjectEffect | undefined,
): Pick<HostChange, 'type' | 'kind' | 'fields' | 'effect' | 'interrupts'> | null {
  const [isOld, isNew] = [Object.hasOwn(before, object), Object.hasOwn(after, object)]
  const type = typeIn(isNew ? after : before, object) ?? ''
  if (isOld && isNew) {
    const fields = fieldChanges(before[object], after[object])
    const known = effect ?? { effect: fallback(type), gap: false }
    // Also one that does not differ may follow what differs, as a container its secret.
    if (fields.length === 0 && (known.effect === 'none' || effect === undefined)) return null
    return { type, kind: 'change', fields, effect: known.effect, interrupts: known.gap }
  }
  const isContainer = type === 'runc_container'
  const kind = isNew ? 'add' : 'remove'
  return { type, kind, fields: [], effect: 'none', interrupts: kind === 'remove' && isContainer }
}

/** A secret by itself does nothing: the containers that use it are told of by themselves. */
function fallback(type: string): ObjectEffect['effect'] {
  return type === 'secret' || type === 'runc_container' ? 'none' : 'live'
}
