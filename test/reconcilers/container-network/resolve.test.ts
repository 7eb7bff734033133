import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressText, cidrText } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { vethName } from '../../../reconcilers/container-network/names.ts'
import { resolveContainerNetwork } from '../../../reconcilers/container-network/resolve.ts'
import { configOf } from '../configs.ts'
import { container } from './cases.ts'

interface Outcome {
  /** `object subnet`. */
  readonly subnets: readonly string[]
  /** `object address mtu source`. */
  readonly attachments: readonly string[]
  readonly kept: readonly string[]
  /** `object: code path`. */
  readonly faulty: readonly string[]
}

function outcome(hosts: Record<string, unknown>): Outcome {
  const { spec, faulty } = resolveContainerNetwork(clusterOf(configOf(hosts)), 'a')
  return {
    subnets: spec.subnets.map(({ object, subnet }) => `${object} ${cidrText(subnet)}`),
    attachments: spec.attachments.map(({ object, address, mtu, source }) => {
      const from = source === null ? '-' : addressText(source)
      return `${object} ${addressText(address)} ${mtu} ${from}`
    }),
    kept: [...spec.kept].sort(),
    faulty: faulty.map(({ object, fault }) => `${object}: ${fault.code} ${fault.path}`),
  }
}

const wg = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16', mtu: 1380 }
const other = { ...wg, address: '10.69.0.2/16' }
const cn = { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' }
const image = `r/i@sha256:${'0'.repeat(64)}`
const onHost = { type: 'runc_container', image, host_network: true }
const lan = { type: 'container_network', subnet: '192.168.7.0/24' }

interface Case {
  readonly says: string
  readonly hosts: Record<string, unknown>
  readonly is: Partial<Outcome>
}

const sound: readonly Case[] = [
  {
    says: "a container has its link's MTU, and the host comes to it from the tunnel's address",
    hosts: { a: { wg, cn, web: container('cn', '10.69.1.5') } },
    is: { subnets: ['cn 10.69.1.0/24'], attachments: ['web 10.69.1.5 1380 10.69.0.1'], kept: [] },
  },
  {
    says: 'a network without a link is for the host alone',
    hosts: { a: { wg, lan, web: container('lan', '192.168.7.1') } },
    is: { attachments: ['web 192.168.7.1 1500 -'], faulty: [] },
  },
  {
    says: "a network may hold the host's own address, and other hosts may have theirs",
    hosts: {
      a: { wg: { ...wg, address: '10.69.1.1/16' }, cn },
      b: { wg: other, cn: { ...cn, subnet: '10.69.2.0/24' } },
      c: { six: { ...wg, address: 'fd00::1/32' }, cn: { ...cn, network: 'six' } },
    },
    is: { subnets: ['cn 10.69.1.0/24'], faulty: [] },
  },
  {
    says: "containers on the host's network need nothing",
    hosts: { a: { x: onHost } },
    is: { attachments: [], faulty: [], kept: [] },
  },
  {
    says: 'IPv6',
    hosts: {
      a: {
        wg: { ...wg, address: 'fd00::1/32' },
        cn: { ...cn, subnet: 'fd00:0:1::/64' },
        web: container('cn', 'fd00:0:1::ffff:ffff:ffff:ffff'),
      },
    },
    is: { attachments: ['web fd00:0:1:0:ffff:ffff:ffff:ffff 1380 fd00::1'], faulty: [] },
  },
  {
    says: 'a container waits for a network that is at fault, and stays as it was',
    hosts: { a: { wg: { ...wg, mtu: 1 }, cn, web: container('cn', '10.69.1.5') } },
    is: { subnets: [], attachments: [], kept: ['cn', 'web'], faulty: [] },
  },
]

const refused: readonly Case[] = [
  {
    says: "a subnet outside the link's range, all of it, or one that no cluster can use",
    hosts: {
      a: {
        wg,
        x: { ...cn, subnet: '10.70.1.0/24' },
        y: { ...cn, subnet: '10.69.0.0/16' },
        z: { ...lan, subnet: '169.254.0.0/24' },
      },
    },
    is: {
      subnets: [],
      kept: ['x', 'y', 'z'],
      faulty: [
        'x: outside-range hosts.a.x.subnet',
        'y: overlap hosts.a.y.subnet',
        'z: field-invalid hosts.a.z.subnet',
      ],
    },
  },
  {
    says: "subnets of one host that overlap, and one in a link's range that does not lead there",
    hosts: {
      a: {
        wg,
        cn,
        cn2: { ...cn, subnet: '10.69.1.128/25' },
        far: { ...lan, subnet: '10.0.0.0/8' },
      },
    },
    is: {
      subnets: ['cn 10.69.1.0/24'],
      faulty: ['cn2: overlap hosts.a.cn2.subnet', 'far: overlap hosts.a.far.subnet'],
    },
  },
  {
    says: "subnets that overlap with another host's subnet or address",
    hosts: {
      a: {
        wg,
        cn,
        wide: { ...cn, subnet: '10.69.0.0/24' },
        free: { ...cn, subnet: '10.69.9.0/24' },
      },
      b: { wg: other, cn: { ...cn, subnet: '10.69.1.192/26' } },
    },
    is: {
      subnets: ['free 10.69.9.0/24'],
      faulty: ['cn: overlap hosts.a.cn.subnet', 'wide: overlap hosts.a.wide.subnet'],
    },
  },
  {
    says: 'references to what is not there or is something else',
    hosts: {
      a: {
        wg,
        x: { ...cn, network: 'no' },
        y: { ...cn, network: 'x' },
        web: container('wg', '10.69.1.5'),
        api: container('no', '10.69.1.6'),
      },
    },
    is: {
      faulty: [
        'x: reference-missing hosts.a.x.network',
        'y: reference-type hosts.a.y.network',
        'api: reference-missing hosts.a.api.network',
        'web: reference-type hosts.a.web.network',
      ],
    },
  },
  {
    says: 'addresses that are outside, reserved, taken or the host’s own',
    hosts: {
      a: {
        wg: { ...wg, address: '10.69.1.1/16' },
        cn,
        a1: container('cn', '10.69.2.5'),
        a2: container('cn', '10.69.1.0'),
        a3: container('cn', '10.69.1.255'),
        a4: container('cn', '10.69.1.1'),
        a5: container('cn', '10.69.1.5'),
        a6: container('cn', '10.69.1.5'),
      },
    },
    is: {
      attachments: ['a5 10.69.1.5 1380 10.69.1.1'],
      kept: ['a1', 'a2', 'a3', 'a4', 'a6'],
      faulty: [
        'a1: outside-range hosts.a.a1.address',
        'a2: address-reserved hosts.a.a2.address',
        'a3: address-reserved hosts.a.a3.address',
        'a4: own-network hosts.a.a4.address',
        'a6: address-repeated hosts.a.a6.address',
      ],
    },
  },
]

describe('resolving the network of containers', () => {
  for (const { says, hosts, is } of sound) {
    it(says, () => {
      const found = outcome(hosts)
      assert.deepEqual({ ...found, ...is }, found)
    })
  }
  for (const { says, hosts, is } of refused) {
    it(`refuses ${says}`, () => {
      const found = outcome(hosts)
      assert.deepEqual({ ...found, ...is }, found)
    })
  }

  it('names who else has a subnet', () => {
    const hosts = { a: { wg, cn }, b: { wg: other, cb: { ...cn, subnet: '10.69.0.0/20' } } }
    const [found] = resolveContainerNetwork(clusterOf(configOf(hosts)), 'a').faulty
    assert.equal(
      found?.fault.message,
      '10.69.1.0/24 overlaps with 10.69.0.0/20 of host b (hosts.b.cb.subnet)',
    )
  })

  it('tells references, so that what fails holds back what rests on it', () => {
    const mounts = [{ volume: 'data', path: '/data' }]
    const hosts = {
      a: {
        wg,
        cn,
        web: container('cn', '10.69.1.5', { mounts, secrets: [{ secret: 'key', path: '/key' }] }),
      },
    }
    const { references } = resolveContainerNetwork(clusterOf(configOf(hosts)), 'a')
    assert.deepEqual(references, { cn: ['wg'], web: ['cn', 'data', 'key'] })
  })

  it('names a link by a digest, as the name of an object may be longer than that of a link', () => {
    const longest = `a${'b'.repeat(39)}`
    assert.match(vethName(longest), /^cv-[0-9a-f]{12}$/)
    assert.notEqual(vethName(longest), vethName('web'))
  })
})
