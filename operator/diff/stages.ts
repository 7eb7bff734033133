import type { Config } from '../../protocol/documents/config.ts'
import { lintConfig } from '../../reconcilers/lint.ts'
import { isolatedHosts } from '../../reconcilers/mesh.ts'
import { stagesMax } from '../limits.ts'
import { fieldChanges } from './fields.ts'
import type { ObjectChange } from './plan-document.ts'

/** One of several configs that are signed one after another. */
export interface Stage {
  readonly hosts: Config['hosts']
  /** Hosts that are not as in the stage before it. */
  readonly touched: readonly string[]
}

/**
 * The configs from `before` to `after` so that hosts take their turns: of a service that several of
 * them have, and that each of them would stop for a while, never all at once. One stage where
 * nobody has to wait. The last one is `after` itself. Pure.
 */
export function stagesBetween(
  before: Config,
  after: Config,
  changes: readonly ObjectChange[],
): readonly Stage[] {
  const waiting = turnTakers(before, changes)
  const size = Math.max(1, Math.ceil(waiting.length / stagesMax))
  const stages: Stage[] = []
  let last = before.hosts
  for (let from = size; from < waiting.length; from += size) {
    const later = new Set(waiting.slice(from))
    const hosts = mixedHosts(before.hosts, after.hosts, later)
    // What is sound at both ends may not be so in between; those hosts go with the next ones.
    if (!isSound({ ...after, hosts }, before, after)) continue
    stages.push({ hosts, touched: touchedHosts(last, hosts) })
    last = hosts
  }
  return [...stages, { hosts: after.hosts, touched: touchedHosts(last, after.hosts) }]
}

/** Hosts that share a service with others and are to stop it, in order. */
function turnTakers(before: Config, changes: readonly ObjectChange[]): readonly string[] {
  const stopping = new Map<string, Set<string>>()
  for (const { host, service, effect } of changes) {
    const isStopped = effect === 'replace' || effect === 'restart'
    if (service === null || !isStopped || !Object.hasOwn(before.hosts, host)) continue
    stopping.set(service, (stopping.get(service) ?? new Set()).add(host))
  }
  const shared = [...stopping.values()].filter((hosts) => hosts.size > 1)
  return [...new Set(shared.flatMap((hosts) => [...hosts]))].sort()
}

function mixedHosts(
  before: Config['hosts'],
  after: Config['hosts'],
  later: ReadonlySet<string>,
): Config['hosts'] {
  const entries = Object.entries(after).map(([host, section]) => {
    return [host, later.has(host) ? (before[host] ?? section) : section] as const
  })
  return Object.fromEntries(entries)
}

function isSound(stage: Config, before: Config, after: Config): boolean {
  if (lintConfig(stage).length > 0) return false
  const meant = new Set(isolatedHosts(before, after))
  return isolatedHosts(before, stage).every((host) => meant.has(host))
}

function touchedHosts(before: Config['hosts'], after: Config['hosts']): readonly string[] {
  const names = Object.keys(after).sort()
  return names.filter((host) => fieldChanges(before[host], after[host]).length > 0)
}
