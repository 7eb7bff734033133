import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Config } from '../../protocol/documents/config.ts'
import { contains, hostNetwork } from '../../reconcilers/addresses.ts'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import type { HostNetwork } from '../../reconcilers/cluster/networks.ts'
import { connectedHosts, isolatedHosts } from '../../reconcilers/mesh.ts'
import { resolveWireguard } from '../../reconcilers/wireguard/resolve.ts'
import type { PeerSpec } from '../../reconcilers/wireguard/spec.ts'
import { configOf } from './configs.ts'

const letters = 'abcdefgh'
const key = (host: string): string => `${host.toUpperCase().repeat(42)}A=`
const at = (host: string): number => letters.indexOf(host) + 1
const mesh = { type: 'wireguard_mesh', network: 'wg' }

interface HostOptions {
  readonly endpoint?: boolean
  readonly agent?: boolean
  readonly network?: object
  readonly objects?: Record<string, unknown>
}

/** A host of the mesh, by its letter. */
function host(name: string, options: HostOptions = {}): object {
  const { endpoint = true, agent = true, network = {}, objects = { mesh } } = options
  const peerId = `12D3KooW${name.toUpperCase().replace('I', 'J').repeat(44)}`
  const wg = {
    type: 'wireguard_network',
    link_name: 'wg0',
    address: `10.69.0.${at(name)}/16`,
    public_key: key(name),
    ...(endpoint ? { endpoint: `192.0.2.${at(name)}:51820` } : {}),
    ...network,
  }
  return {
    wg,
    ...(agent ? { agent: { type: 'agent', peer_id: peerId, network: 'wg' } } : {}),
    ...objects,
  }
}

function hosts(names: string, special: Record<string, object> = {}): Config {
  const all = [...names].map((name) => [name, special[name] ?? host(name)] as const)
  return configOf(Object.fromEntries(all))
}

/** A peer object for a host. */
function peerOf(name: string): object {
  const allowed = [`10.69.0.${at(name)}/32`]
  return { type: 'wireguard_peer', network: 'wg', host: name, allowed_ips: allowed }
}

describe('hosts that a config cuts off', () => {
  const cases: readonly (readonly [string, Config, readonly string[]])[] = [
    ['none, if nothing changes', hosts('abc'), []],
    ['one without its mesh', hosts('abc', { b: host('b', { objects: {} }) }), ['b']],
    ['both of two', hosts('ab', { b: host('b', { objects: {} }) }), ['a', 'b']],
    [
      'one without a key',
      hosts('abc', { c: host('c', { network: { public_key: undefined } }) }),
      ['c'],
    ],
    ['one with a faulty network', hosts('abc', { c: host('c', { network: { mtu: 1 } }) }), ['c']],
    ['one without its agent', hosts('abc', { a: host('a', { agent: false }) }), ['a']],
    ['none that is not listed any more', hosts('ab'), []],
    [
      'two behind NATs, without the third',
      hosts('abc', {
        a: host('a', { endpoint: false }),
        b: host('b', { endpoint: false }),
        c: host('c', { objects: {} }),
      }),
      ['a', 'b', 'c'],
    ],
    [
      'none, if one of two has an endpoint',
      hosts('abc', { a: host('a', { endpoint: false }) }),
      [],
    ],
    [
      'none, over another host',
      hosts('abc', {
        a: host('a', { objects: { p: peerOf('b') } }),
        c: host('c', { objects: { p: peerOf('b') } }),
      }),
      [],
    ],
    [
      'one whose peer knows only its own end',
      hosts('abc', {
        a: host('a', { objects: { p: peerOf('b') } }),
        b: host('b', { objects: { p: peerOf('c') } }),
      }),
      ['a'],
    ],
    [
      'one whose peers may not send from its address',
      hosts('abc', {
        b: host('b', { objects: { p: { ...peerOf('a'), allowed_ips: ['10.69.9.0/24'] }, mesh } }),
        c: host('c', { objects: { p: { ...peerOf('a'), allowed_ips: ['10.69.9.0/24'] }, mesh } }),
      }),
      ['a'],
    ],
    [
      'one whose agent moves to a network without peers',
      hosts('abc', {
        a: host('a', {
          objects: {
            mesh,
            agent: { type: 'agent', peer_id: `12D3KooW${'A'.repeat(44)}`, network: 'other' },
            other: {
              type: 'wireguard_network',
              link_name: 'wg1',
              address: '10.70.0.1/16',
              listen_port: 1,
            },
          },
        }),
      }),
      ['a'],
    ],
  ]
  for (const [says, after, isolated] of cases) {
    it(`O13: ${says}`, () => {
      assert.deepEqual(isolatedHosts(hosts('abc'), after), isolated)
    })
  }

  it('C9, O13: are none where there was nothing before, or the signer allows it', () => {
    const after = hosts('abc', { b: host('b', { objects: {} }) })
    assert.deepEqual(isolatedHosts(null, after), [])
    assert.deepEqual(isolatedHosts(after, after), [])
    assert.deepEqual(isolatedHosts(hosts('abc'), { ...after, allowIsolation: ['b'] }), [])
  })

  it('does not take two islands for one mesh', () => {
    const pair = (one: string, other: string): readonly [object, object] => [
      host(one, { objects: { p: peerOf(other) } }),
      host(other, { objects: { p: peerOf(one) } }),
    ]
    const [a, b] = pair('a', 'b')
    const [c, d] = pair('c', 'd')
    assert.deepEqual([...connectedHosts(hosts('abcd', { a, b, c, d }))].sort(), [
      'a',
      'b',
      'c',
      'd',
    ])
    assert.deepEqual([...connectedHosts(hosts('abc', { a, b, c }))].sort(), ['a', 'b'])
  })

  it('are those that the whole links of all hosts say, whatever is wrong with some', () => {
    fc.assert(
      fc.property(fc.array(anyHost, { minLength: 1, maxLength: 7 }), (made) => {
        const config = hosts(
          letters.slice(0, made.length),
          Object.fromEntries(made.map((one, at) => [letters[at] ?? '', one(letters[at] ?? '')])),
        )
        assert.deepEqual([...connectedHosts(config)].sort(), connectedByLinks(config))
      }),
      { numRuns: 1000 },
    )
  })
})

/** A host that is sound, or has one of the faults that a member of a mesh can have. */
const anyHost: fc.Arbitrary<(name: string) => object> = fc
  .record({
    endpoint: fc.constantFrom(true, true, false),
    agent: fc.boolean(),
    network: fc.oneof(
      { weight: 4, arbitrary: fc.constant({}) },
      fc.constantFrom(
        { public_key: undefined },
        { public_key: key('a') },
        { address: '10.69.0.1/16' },
        { address: '10.70.0.1/16' },
        { endpoint: '10.69.0.9:51820' },
        { mtu: 1 },
      ),
    ),
    hasMesh: fc.constantFrom(true, true, true, true, true, true, false),
    peers: fc.oneof(
      { weight: 6, arbitrary: fc.constant<string[]>([]) },
      fc.uniqueArray(fc.constantFrom(...letters.slice(0, 7)), { maxLength: 3 }),
    ),
    subnet: fc.constantFrom(undefined, undefined, '10.69.7.0/24', '10.69.0.0/24', '10.80.0.0/24'),
  })
  .map(({ endpoint, agent, network, hasMesh, peers, subnet }) => (name: string) => {
    const objects = {
      ...(hasMesh ? { mesh } : {}),
      ...Object.fromEntries(peers.map((peer) => [`p${peer}`, peerOf(peer)])),
      ...(subnet === undefined
        ? {}
        : { pods: { type: 'container_network', subnet, network: 'wg' } }),
    }
    return host(name, { endpoint, agent, network, objects })
  })

/** The same from what every host makes of the config, each with all the others. */
function connectedByLinks(config: Config): readonly string[] {
  const names = Object.keys(config.hosts)
  const networks = (clusterOf(config).networks.get('wg') ?? []).filter((each, at, all) => {
    const ownKey = each.network?.public_key
    // Of several with one key the first counts.
    return ownKey && all.findIndex(({ network }) => network?.public_key === ownKey) === at
  })
  const network = (name: string): HostNetwork['network'] =>
    networks.find(({ host: one }) => one === name)?.network
  const peers = new Map(
    names.map((name) => [
      name,
      resolveWireguard(clusterOf(config), name).spec.links[0]?.peers ?? [],
    ]),
  )
  const knows = (from: string, to: string): PeerSpec | undefined => {
    const [own, other] = [network(from), network(to)]
    if (own === undefined || other === undefined) return undefined
    return peers.get(from)?.find(({ publicKey, allowedIps }) => {
      const mayBe = allowedIps.some((range) => contains(range, hostNetwork(other.address)))
      return publicKey === other.public_key && mayBe
    })
  }
  const isTunnel = (a: string, b: string): boolean => {
    const [forth, back] = [knows(a, b), knows(b, a)]
    return a !== b && !!forth && !!back && (forth.endpoint !== null || back.endpoint !== null)
  }
  const hasAgent = (name: string): boolean => config.hosts[name]?.['agent'] !== undefined
  return names.filter((start) => {
    const part = new Set([start])
    for (const at of part) for (const next of names) if (isTunnel(at, next)) part.add(next)
    return hasAgent(start) && [...part].filter(hasAgent).length > 1
  })
}
