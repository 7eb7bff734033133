import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { resolveWireguard } from '../../../reconcilers/wireguard/resolve.ts'
import { configOf } from '../configs.ts'

function network(address: string, more: object = {}): object {
  return { type: 'wireguard_network', link_name: 'wg0', address, ...more }
}

describe('fields of a wireguard_network', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['address', { address: '10.69.0.1' }],
    ['address', { address: '127.0.0.1/8' }],
    ['address', { address: '10.0.0.1/4' }],
    ['address', { address: 'fe80::1/64' }],
    ['link_name', { link_name: 'a-name-of-16-cha' }],
    ['link_name', { link_name: '-x' }],
    ['link_name', { link_name: 'a b' }],
    ['link_name', { link_name: 'a/b' }],
    ['link_name', { link_name: '..' }],
    ['link_name', { link_name: 'lo' }],
    ['listen_port', { listen_port: 0 }],
    ['listen_port', { listen_port: '1' }],
    ['mtu', { mtu: 1279 }],
    ['public_key', { public_key: 'x' }],
    ['endpoint', { endpoint: 'x' }],
    ['colour', { colour: 'red' }],
  ]
  for (const [field, more] of cases) {
    it(`refuses ${JSON.stringify(more)}`, () => {
      const { faulty } = resolveWireguard(
        clusterOf(configOf({ a: { wg: network('10.69.0.1/16', more) } })),
        'a',
      )
      assert.deepEqual(
        faulty.map(({ fault }) => fault.path),
        [`hosts.a.wg.${field}`],
      )
    })
  }
})
