import type { Config, HostSection } from '../../protocol/documents/config.ts'

/** A config with these hosts and claims that no test here looks at. */
export function configOf(hosts: Record<string, unknown>): Config {
  return {
    aud: `sha256:${'0'.repeat(64)}`,
    epoch: 1,
    version: 1,
    ancestors: [],
    iat: null,
    allowIsolation: [],
    hosts: hosts as Record<string, HostSection>,
  }
}

/** The example of the idea, as it stands there. */
export const ideaExample: Config = configOf({
  cloud01: {
    wg_network: {
      type: 'wireguard_network',
      link_name: 'wg_cluster',
      address: '10.69.0.1/16',
    },
    peer_local01: {
      type: 'wireguard_peer',
      network: 'wg_network',
      allowed_ips: ['10.69.1.0/24'],
    },
  },
})
