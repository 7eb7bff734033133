import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import { judgeNftables, resolveNftables } from '../../reconcilers/nftables/resolve.ts'
import { judgeWireguard, resolveWireguard } from '../../reconcilers/wireguard/resolve.ts'
import { configOf } from './configs.ts'

const key = (last: number): string => Buffer.alloc(32, last).toString('base64')

// Few values, so that hosts get into each other's way; some of them are faulty by themselves.
const network = fc.record(
  {
    type: fc.constant('wireguard_network'),
    link_name: fc.constantFrom('wg0', 'wg1'),
    address: fc.oneof(
      fc.integer({ min: 1, max: 9 }).map((last) => `10.69.${last}.1/16`),
      fc.constantFrom('10.69.1.2/24', '10.70.0.1/16', '10.69.4.1/8', 'fd00::1/64', '10.69.0.300'),
    ),
    public_key: fc.oneof(fc.integer({ min: 1, max: 12 }).map(key), fc.constant('no key')),
    endpoint: fc.constantFrom('192.0.2.1:51820', 'a.example:1', '10.69.3.1:7'),
    listen_port: fc.constantFrom(51_820, 51_821),
  },
  { requiredKeys: ['type', 'link_name', 'address'] },
)

const subnet = fc.record(
  {
    type: fc.constant('container_network'),
    network: fc.constantFrom('wg', 'wg', 'wg', 'other'),
    subnet: fc.oneof(
      fc.integer({ min: 1, max: 9 }).map((third) => `10.69.${third}.0/24`),
      fc.constantFrom(
        '10.69.0.0/21',
        '10.69.5.128/25',
        '0.0.0.0/0',
        '10.71.0.0/24',
        '10.69.1.1/24',
      ),
    ),
  },
  { requiredKeys: ['type', 'subnet'] },
)

const host = fc.constantFrom('a', 'b', 'c', 'd', 'e')

const peer = fc.record(
  {
    type: fc.constant('wireguard_peer'),
    network: fc.constantFrom('wg', 'wg', 'other', 'none'),
    host,
    public_key: fc.integer({ min: 1, max: 6 }).map(key),
    allowed_ips: fc.array(fc.constantFrom('10.69.2.0/24', '10.69.3.1/32', '0.0.0.0/0'), {
      minLength: 1,
      maxLength: 2,
    }),
  },
  { requiredKeys: ['type', 'network', 'allowed_ips'] },
)

const section = fc.record(
  {
    wg: network,
    other: network,
    mesh: fc.record({
      type: fc.constant('wireguard_mesh'),
      network: fc.constantFrom('wg', 'wg', 'other', 'none'),
    }),
    mesh2: fc.constant({ type: 'wireguard_mesh', network: 'other' }),
    peer,
    containers: subnet,
    more: subnet,
    web: fc.constant({ type: 'runc_container', network: 'containers', address: '10.69.1.5' }),
    out: fc.constantFrom(
      { type: 'nftables_forward', from: 'containers', to: 'wg' },
      { type: 'nftables_forward', from: 'web', to: 'none' },
    ),
    in: fc.constant({
      type: 'nftables_policy',
      container: 'web',
      ingress: [{ from: 'host:b' }, { from: 'container:c/web' }],
    }),
    www: fc.constantFrom(
      { type: 'nftables_publish', container: 'web', host_port: 80, container_port: 80 },
      { type: 'nftables_publish', container: 'web', host_port: 51_820, protocol: 'udp' },
    ),
    nat: fc.constant({ type: 'nftables_masquerade', network: 'more' }),
  },
  { requiredKeys: ['wg'] },
)

const hosts = fc.dictionary(host, section, { minKeys: 2, maxKeys: 5 })

describe('what a lint looks at', () => {
  it('has the faults of a whole look, in the same order', () => {
    let faulty = 0
    const look = (sections: Record<string, unknown>): void => {
      const config = configOf(sections)
      for (const name of Object.keys(sections)) {
        const whole = resolveWireguard(clusterOf(config), name)
        const judged = judgeWireguard(clusterOf(config), name)
        assert.deepEqual(judged.faulty, whole.faulty)
        const links = whole.spec.links.map(({ peers: _, ...link }) => link)
        assert.deepEqual(judged.links, links)
        const { faulty: firewall } = resolveNftables(clusterOf(config), name)
        assert.deepEqual(judgeNftables(clusterOf(config), name).faulty, firewall)
        faulty += whole.faulty.length
      }
    }
    fc.assert(fc.property(hosts, look), { numRuns: 500 })
    assert.ok(faulty > 0)
  })
})
