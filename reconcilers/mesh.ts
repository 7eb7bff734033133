import type { Config } from '../protocol/documents/config.ts'
import { clusterOf } from './cluster/index.ts'

/**
 * The hosts that a new config would cut off: under `before` the gossip had a path of tunnels from
 * them to another host with an agent, under `after` it has none. Hosts that are no longer listed,
 * and those that the signer named in `allow_isolation`, are not in it. Ordered by name;
 * docs/THREATS.md, lock-out.
 */
export function isolatedHosts(before: Config | null, after: Config): readonly string[] {
  if (before === null) return []
  const connected = connectedHosts(after)
  const allowed = new Set(after.allowIsolation)
  return [...connectedHosts(before)]
    .filter((host) => Object.hasOwn(after.hosts, host))
    .filter((host) => !connected.has(host) && !allowed.has(host))
    .sort()
}

/** Hosts with an agent that have a path of tunnels to another host with an agent. */
export function connectedHosts(config: Config): ReadonlySet<string> {
  return clusterOf(config).connected
}
