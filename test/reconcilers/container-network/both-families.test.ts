import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { lintConfig } from '../../../reconcilers/lint.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { configOf } from '../configs.ts'
import { container } from './cases.ts'

const wg = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
const cn = { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' }
const cn6 = { ...cn, subnet6: 'fd00:9::/64' }
const web = (address6: string, more: object = {}): object =>
  container('cn', '10.69.1.5', { address6, ...more })

const cases: readonly (readonly [string, object, readonly string[]])[] = [
  ['nothing, for one of both', { wg, cn: cn6, web: web('fd00:9::5') }, []],
  [
    'no IPv6 range for it',
    { wg, cn, web: web('fd00:9::5') },
    ['hosts.a.web.address6 outside-range'],
  ],
  [
    'it lies outside',
    { wg, cn: cn6, web: web('fd00:8::5') },
    ['hosts.a.web.address6 outside-range'],
  ],
  [
    'it is the first of its range',
    { wg, cn: cn6, web: web('fd00:9::') },
    ['hosts.a.web.address6 address-reserved'],
  ],
  [
    'another one has it',
    {
      wg,
      cn: cn6,
      db: container('cn', '10.69.1.6', { address6: 'fd00:9::5' }),
      web: web('fd00:9::5'),
    },
    ['hosts.a.web.address6 address-repeated'],
  ],
  ['it is IPv4', { wg, cn: cn6, web: web('10.69.1.9') }, ['hosts.a.web.address6 field-invalid']],
  [
    'it stands beside IPv6',
    { cn: { type: 'container_network', subnet: 'fd00::/64', subnet6: 'fd00:9::/64' } },
    ['hosts.a.cn.subnet6 field-invalid'],
  ],
  [
    'two networks have one range',
    {
      wg,
      cn: cn6,
      lan: { type: 'container_network', subnet: '192.168.7.0/24', subnet6: 'fd00:9::/64' },
    },
    ['hosts.a.lan.subnet6 overlap'],
  ],
]

describe('an IPv6 address beside one of IPv4', () => {
  for (const [says, section, expected] of cases) {
    it(`is at fault where ${says}`, () => {
      const faults = lintConfig(configOf({ a: section })).map(({ path, code }) => `${path} ${code}`)
      assert.deepEqual(faults, expected)
    })
  }

  it('makes another container of it', () => {
    const revision = (object: object): string | undefined =>
      resolveRunc(clusterOf(configOf({ a: { wg, cn: cn6, web: object } })), 'a').spec.containers[0]
        ?.revision
    const [plain, both] = [container('cn', '10.69.1.5'), web('fd00:9::5')].map(revision)
    assert.ok(plain !== undefined && both !== undefined)
    assert.notEqual(plain, both)
  })
})
