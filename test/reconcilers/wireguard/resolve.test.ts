import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cidrText } from '../../../reconcilers/addresses.ts'
import { resolveWireguard } from '../../../reconcilers/wireguard/resolve.ts'
import { configOf, ideaExample } from '../configs.ts'

const key = (letter: string): string => `${letter.repeat(42)}A=`

function network(address: string, more: object = {}): object {
  return { type: 'wireguard_network', link_name: 'wg0', address, ...more }
}

function peer(ranges: readonly string[], more: object = {}): object {
  return { type: 'wireguard_peer', network: 'wg', allowed_ips: ranges, ...more }
}

const mesh = { type: 'wireguard_mesh', network: 'wg' }

interface Outcome {
  /** `object host? key ranges endpoint keepalive` of each peer. */
  readonly peers: readonly string[]
  readonly pending: readonly string[]
  /** `object: code path`. */
  readonly faulty: readonly string[]
}

function outcome(hosts: Record<string, unknown>): Outcome {
  const { spec, pending, faulty } = resolveWireguard(configOf(hosts), 'a')
  return {
    peers: spec.links.flatMap((link) =>
      link.peers.map((each) => {
        const ranges = each.allowedIps.map(cidrText).join()
        const endpoint = each.endpoint === null ? '-' : each.endpoint.host
        const letter = each.publicKey.charAt(0)
        return `${each.object} ${each.host ?? '-'} ${letter} ${ranges} ${endpoint} ${each.keepaliveSeconds}`
      }),
    ),
    pending: pending.map(({ object, reason }) => `${object}: ${reason}`),
    faulty: faulty.map(({ object, fault }) => `${object}: ${fault.code} ${fault.path}`),
  }
}

interface Case {
  readonly says: string
  readonly hosts: Record<string, unknown>
  readonly is: Partial<Outcome>
}

const b = { wg: network('10.69.0.2/16', { public_key: key('B'), endpoint: 'b.example:51820' }) }
const c = { wg: network('10.69.0.3/16', { public_key: key('C') }) }
const own = network('10.69.0.1/16')
const ownWithEndpoint = network('10.69.0.1/16', { endpoint: '192.0.2.1:51820' })

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
    says: 'a mesh brings the container networks that are reached through it',
    hosts: {
      a: { wg: own, mesh },
      b: {
        ...b,
        cn: { type: 'container_network', network: 'wg', subnet: '10.69.2.0/24' },
        apart: { type: 'container_network', subnet: '10.69.3.0/24' },
      },
    },
    is: { peers: ['mesh b B 10.69.0.2/32,10.69.2.0/24 b.example 25'], faulty: [] },
  },
  {
    says: "a peer that names its host brings of that host's container networks what it lists",
    hosts: {
      a: { wg: own, pb: peer(['10.69.0.2/32', '10.69.2.0/24'], { host: 'b' }) },
      b: {
        ...b,
        cn: { type: 'container_network', network: 'wg', subnet: '10.69.2.0/24' },
        more: { type: 'container_network', network: 'wg', subnet: '10.69.3.0/24' },
      },
    },
    is: { peers: ['pb b B 10.69.0.2/32,10.69.2.0/24 b.example 25'], faulty: [] },
  },
  {
    says: 'a hub leads to a range that this host lies in itself',
    hosts: {
      a: {
        wg: own,
        hub: peer(['10.69.0.0/16'], { public_key: key('B') }),
        cn: { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' },
      },
    },
    is: { peers: ['hub - B 10.69.0.0/16 - 0'], faulty: [] },
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
    says: "a container network that overlaps with another host's or with this one's, by its object",
    hosts: {
      a: {
        wg: own,
        mesh,
        cn: { type: 'container_network', network: 'wg', subnet: '10.69.16.0/24' },
      },
      b: { ...b, cn: { type: 'container_network', network: 'wg', subnet: '10.69.2.0/24' } },
      c: { ...c, cn: { type: 'container_network', network: 'wg', subnet: '10.69.2.128/25' } },
      d: {
        wg: network('10.69.0.4/16', { public_key: key('D') }),
        wide: { type: 'container_network', network: 'wg', subnet: '10.69.16.0/20' },
      },
      e: {
        wg: network('10.69.0.5/16', { public_key: key('E') }),
        out: { type: 'container_network', network: 'wg', subnet: '10.70.0.0/24' },
      },
    },
    is: {
      peers: [],
      faulty: [
        'mesh: overlap hosts.b.cn.subnet',
        'mesh: overlap hosts.c.cn.subnet',
        'mesh: own-network hosts.d.wide.subnet',
        'mesh: outside-range hosts.e.out.subnet',
      ],
    },
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
    const { spec, pending, faulty, references } = resolveWireguard(ideaExample, 'cloud01')
    assert.equal(spec.links.length, 1)
    assert.deepEqual(pending, [{ object: 'peer_local01', reason: 'no public key' }])
    assert.deepEqual(faulty, [])
    assert.deepEqual(references, { peer_local01: ['wg_network'] })
  })
})
