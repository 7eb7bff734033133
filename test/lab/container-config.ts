import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Hosts, meshLink } from './config-hosts.ts'
import type { VirtualHost } from './host.ts'
import type { HostedRegistry } from './registry-host.ts'

/** Adds a range for containers to each host of a config: 10.69.101.0/24, 10.69.102.0/24 … */
export function withContainerNetworks(hosts: Hosts): Hosts {
  const entries = Object.entries(hosts).map(([host, objects], index) => {
    const network = meshLink(hosts, host).object
    const subnet = `10.69.${101 + index}.0/24`
    return [host, { ...objects, containers: { type: 'container_network', network, subnet } }]
  })
  return Object.fromEntries(entries)
}

/** A `runc_container` on the network that `withContainerNetworks` has added. */
export function container(
  image: string,
  address: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { type: 'runc_container', image, network: 'containers', address, ...more }
}

/** The part of a host's own settings for a registry. */
export function registrySettings(
  host: VirtualHost,
  registry: HostedRegistry,
): Record<string, unknown> {
  const { caFile, credentials, realmHosts } = registry
  if (credentials === null) return caFile === null ? { insecure: true } : { ca_file: caFile }
  const file = 'covey-lab/registry-password'
  writeFileSync(join(host.folder, 'var-lib', file), `${credentials.password}\n`, { mode: 0o600 })
  const who = { username: credentials.username, password_file: `/var/lib/${file}` }
  const realms = realmHosts.length === 0 ? {} : { realm_hosts: realmHosts }
  return { ...(caFile === null ? { insecure: true } : { ca_file: caFile }), ...who, ...realms }
}

/** Writes the host's own settings, which its agent reads when it starts. */
export function writeSettings(host: VirtualHost, settings: Record<string, unknown>): void {
  const path = join(host.folder, 'var-lib/covey-lab/agent.json')
  writeFileSync(path, JSON.stringify(settings))
}
