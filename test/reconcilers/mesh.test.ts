import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config } from '../../protocol/documents/config.ts'
import { connectedHosts, isolatedHosts } from '../../reconcilers/mesh.ts'
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
    it(says, () => {
      assert.deepEqual(isolatedHosts(hosts('abc'), after), isolated)
    })
  }

  it('are none where there was nothing before, or the signer allows it', () => {
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
})
