import type { Config, ConfigObject, HostSection } from '../../protocol/documents/config.ts'

/**
 * Types that say who belongs to the cluster, where everything is, and what is sealed: these stay as
 * they are, whatever services go back to. An old secret or an old member never comes back.
 */
const kept: ReadonlySet<string> = new Set([
  ...['agent', 'wireguard_network', 'wireguard_peer', 'wireguard_mesh'],
  ...['container_network', 'nftables_forward', 'nftables_masquerade', 'secret', 'registry'],
])

/**
 * The hosts of today with the services that they had in an older config: hosts, networks and
 * secrets are those of `head`. A host that the older config did not have keeps no service. Pure.
 */
export function restoredHosts(
  head: Pick<Config, 'hosts'>,
  older: Pick<Config, 'hosts'>,
): Config['hosts'] {
  const hosts = Object.entries(head.hosts).map(([host, section]) => {
    return [host, restoredSection(section, older.hosts[host] ?? {})] as const
  })
  return Object.fromEntries(hosts)
}

function restoredSection(now: HostSection, older: HostSection): HostSection {
  const isKept = ([, { type }]: readonly [string, ConfigObject]): boolean => kept.has(type)
  const own = Object.entries(now).filter(isKept)
  const names = new Set(own.map(([name]) => name))
  const back = Object.entries(older).filter((entry) => !isKept(entry) && !names.has(entry[0]))
  return Object.fromEntries([...own, ...back])
}
