import { isUp } from '../../host-containers.ts'
import type { PlanStep } from '../../reconciler.ts'
import type { RuncObserved } from '../observe.ts'
import type { RuncSpec } from '../spec.ts'

/** Writes the text of `/etc/hosts` into containers. */
export interface HostsStep extends PlanStep {
  readonly kind: 'hosts'
  readonly ids: readonly string[]
  readonly text: string
}

/** One step for all that get the same text: a name that comes or goes concerns many. */
export function planHosts(
  spec: RuncSpec,
  observed: Pick<RuncObserved, 'containers'>,
): readonly HostsStep[] {
  const stale = new Map<string, string[]>()
  for (const seen of observed.containers) {
    const text = hostsFor(seen.object, spec)
    if (!isUp(seen) || seen.hosts === null || seen.hosts === text) continue
    stale.set(text, [...(stale.get(text) ?? []), seen.id])
  }
  return [...stale].map(([text, ids]) => ({ kind: 'hosts', ids, text, objects: [] }))
}

/** Text of `/etc/hosts` for the containers of an object. */
export function hostsFor(object: string, { hosts, ownHosts }: RuncSpec): string {
  return ownHosts.get(object) ?? hosts
}
