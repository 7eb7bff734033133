import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { b, type Case, c, key, mesh, network, outcome, own, peer } from './outcome.ts'

const cases: readonly Case[] = [
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
    says: "refuses a container network that overlaps with another host's or with this one's, by its object",
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
]

describe('container networks of other hosts', () => {
  for (const { says, hosts, is } of cases) {
    it(says, () => {
      const found = outcome(hosts)
      assert.deepEqual({ ...found, ...is }, found)
    })
  }
})
