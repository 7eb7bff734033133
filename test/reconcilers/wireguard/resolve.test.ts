import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { resolveWireguard } from '../../../reconcilers/wireguard/resolve.ts'
import { ideaExample } from '../configs.ts'
import {
  b,
  type Case,
  c,
  key,
  mesh,
  network,
  outcome,
  own,
  ownWithEndpoint,
  peer,
} from './outcome.ts'

const sound: readonly Case[] = [
  {
    says: 'a mesh has every other host, and keeps NATs open where the own network has no endpoint',
    hosts: { a: { wg: own, mesh }, b, c, d: {} },
    is: {
      peers: ['mesh b B 10.69.0.2/32 b.example 25', 'mesh c C 10.69.0.3/32 - 25'],
      faulty: [],
    },
  },
  {
    says: 'a host with an endpoint sends no keepalives',
    hosts: { a: { wg: ownWithEndpoint, mesh }, b },
    is: { peers: ['mesh b B 10.69.0.2/32 b.example 0'] },
  },
  {
    says: 'an explicit peer for a host wins over the mesh, by its host or by its key',
    hosts: {
      a: {
        wg: own,
        mesh,
        pb: peer(['10.69.0.2/32'], { host: 'b', endpoint: '192.0.2.9:1', persistent_keepalive: 3 }),
        pc: peer(['10.69.7.0/24'], { public_key: key('C') }),
      },
      b,
      c,
    },
    is: {
      peers: ['pb b B 10.69.0.2/32 192.0.2.9 3', 'pc - C 10.69.7.0/24 - 0'],
      faulty: [],
    },
  },
  {
    says: 'hosts without a key are waited for, the others are there',
    hosts: { a: { wg: own, mesh }, b: { wg: network('10.69.0.2/16') }, c },
    is: { peers: ['mesh c C 10.69.0.3/32 - 25'], pending: ['mesh: no public key of b'] },
  },
  {
    says: 'a default route where it is asked for by name',
    hosts: {
      a: { wg: own, p: peer(['0.0.0.0/0'], { public_key: key('B'), default_route: true }) },
    },
    is: { peers: ['p - B 0.0.0.0/0 - 0'], faulty: [] },
  },
  {
    says: 'IPv6, and a range given twice',
    hosts: {
      a: {
        wg: network('fd00::1/64'),
        p: peer(['fd00::5:0/112', 'FD00:0::5:0/112'], { public_key: key('B') }),
      },
    },
    is: { peers: ['p - B fd00::5:0/112 - 0'], faulty: [] },
  },
]

const refused: readonly Case[] = [
  {
    says: 'overlapping networks of two peers, both of them',
    hosts: {
      a: {
        wg: own,
        p: peer(['10.69.1.0/24'], { public_key: key('B') }),
        q: peer(['10.69.0.0/20'], { public_key: key('C') }),
        r: peer(['10.69.99.0/24'], { public_key: key('D') }),
      },
    },
    is: {
      peers: ['r - D 10.69.99.0/24 - 0'],
      faulty: ['p: overlap hosts.a.p.allowed_ips.0', 'q: overlap hosts.a.q.allowed_ips.0'],
    },
  },
  {
    says: 'an explicit peer that reaches for what a host of the mesh has',
    hosts: { a: { wg: own, mesh, p: peer(['10.69.0.0/24'], { public_key: key('D') }) }, b },
    is: {
      peers: ['mesh b B 10.69.0.2/32 b.example 25'],
      faulty: ['p: overlap hosts.a.p.allowed_ips.0'],
    },
  },
  {
    says: 'two hosts of a mesh with one address, but no other host',
    hosts: {
      a: { wg: own, mesh },
      b,
      c,
      d: { wg: network('10.69.0.3/16', { public_key: key('D') }) },
    },
    is: {
      peers: ['mesh b B 10.69.0.2/32 b.example 25'],
      faulty: ['mesh: overlap hosts.c.wg.address', 'mesh: overlap hosts.d.wg.address'],
    },
  },
  {
    says: "another host with this host's own address",
    hosts: { a: { wg: own, mesh }, b: { wg: network('10.69.0.1/16', { public_key: key('B') }) } },
    is: { peers: [], faulty: ['mesh: own-network hosts.b.wg.address'] },
  },
  {
    says: 'a default route that nobody asked for by name',
    hosts: { a: { wg: own, p: peer(['0.0.0.0/0'], { public_key: key('B') }) } },
    is: { faulty: ['p: default-route hosts.a.p.allowed_ips.0'] },
  },
  {
    says: "addresses outside the link's range",
    hosts: {
      a: { wg: own, mesh, p: peer(['10.69.7.0/24', '10.71.0.0/24'], { public_key: key('D') }) },
      b: { wg: network('10.70.0.2/16', { public_key: key('B') }) },
    },
    is: {
      faulty: [
        'p: outside-range hosts.a.p.allowed_ips.1',
        'mesh: outside-range hosts.b.wg.address',
      ],
    },
  },
  {
    says: 'an endpoint inside the tunnel itself',
    hosts: {
      a: {
        wg: own,
        p: peer(['10.69.7.0/24'], { public_key: key('B'), endpoint: '10.69.7.1:51820' }),
      },
    },
    is: { faulty: ['p: endpoint-inside hosts.a.p.endpoint'] },
  },
  {
    says: 'hosts and references that are not there',
    hosts: {
      a: {
        wg: own,
        p: peer(['10.69.7.0/24'], { host: 'b' }),
        q: peer(['10.69.8.0/24'], { host: 'c' }),
        r: peer(['10.69.9.0/24'], { host: 'a' }),
        s: { ...peer(['10.69.9.0/24']), network: 'no' },
        t: { ...peer(['10.69.9.0/24']), network: 'p' },
      },
      c: {},
    },
    is: {
      faulty: [
        's: reference-missing hosts.a.s.network',
        't: reference-type hosts.a.t.network',
        'p: host-missing hosts.a.p.host',
        'q: reference-missing hosts.a.q.host',
        'r: peer-self hosts.a.r.host',
      ],
    },
  },
  {
    says: 'one key for two peers, and the own key',
    hosts: {
      a: {
        wg: network('10.69.0.1/16', { public_key: key('A') }),
        p: peer(['10.69.1.0/24'], { public_key: key('B') }),
        q: peer(['10.69.2.0/24'], { public_key: key('B') }),
        r: peer(['10.69.3.0/24'], { public_key: key('A') }),
      },
    },
    is: {
      faulty: ['q: key-repeated hosts.a.q.public_key', 'r: own-key hosts.a.r.public_key'],
    },
  },
  {
    says: 'links that share a name, a port or a range',
    hosts: {
      a: {
        wg: own,
        x: network('10.70.0.1/16', { listen_port: 2 }),
        y: network('10.71.0.1/16', { link_name: 'y' }),
        z: network('10.69.5.1/24', { link_name: 'z', listen_port: 3 }),
      },
    },
    is: {
      faulty: [
        'x: link-repeated hosts.a.x.link_name',
        'y: port-repeated hosts.a.y.listen_port',
        'z: overlap hosts.a.z.address',
      ],
    },
  },
  {
    says: 'a second mesh of one network',
    hosts: { a: { wg: own, mesh, zmesh: mesh } },
    is: { faulty: ['zmesh: mesh-repeated hosts.a.zmesh.network'] },
  },
  {
    says: 'another host whose network is faulty, on the mesh',
    hosts: { a: { wg: own, mesh }, b: { wg: network('10.69.0.2') }, c },
    is: {
      peers: ['mesh c C 10.69.0.3/32 - 25'],
      faulty: ['mesh: field-invalid hosts.b.wg.address'],
    },
  },
]

describe('resolving WireGuard objects', () => {
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

  it("takes the idea's example", () => {
    const { spec, pending, faulty, references } = resolveWireguard(
      clusterOf(ideaExample),
      'cloud01',
    )
    assert.equal(spec.links.length, 1)
    assert.deepEqual(pending, [{ object: 'peer_local01', reason: 'no public key' }])
    assert.deepEqual(faulty, [])
    assert.deepEqual(references, { peer_local01: ['wg_network'] })
  })
})
