import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { knownTypes, lintConfig } from '../../reconcilers/lint.ts'
import { sizeOf } from '../sizes.ts'
import { configOf, ideaExample } from './configs.ts'

const network = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
const agent = { type: 'agent', peer_id: `12D3KooW${'a'.repeat(44)}`, network: 'wg' }

function codes(hosts: Record<string, unknown>): readonly string[] {
  return lintConfig(configOf(hosts)).map(({ code, path }) => `${code} ${path}`)
}

describe('linting a config', () => {
  it("finds nothing in the idea's example, nor in types that it does not know", () => {
    assert.deepEqual(lintConfig(ideaExample), [])
    assert.deepEqual(codes({ a: { x: { type: 'from_a_plug_in', anything: [1] } } }), [])
    assert.deepEqual(codes({ a: { wg: network, agent } }), [])
  })

  it('names every field that is wrong, on every host', () => {
    const found = codes({
      a: {
        wg: { ...network, mtu: 1, colour: 'red' },
        p: { type: 'wireguard_peer', network: 'wg' },
      },
      b: { wg: { type: 'wireguard_network' }, A: {}, five: 5, typeless: {} },
      c: [],
    })
    assert.deepEqual([...found].sort(), [
      'field-invalid hosts.a.wg.mtu',
      'field-missing hosts.a.p.allowed_ips',
      'field-missing hosts.b.wg.address',
      'field-missing hosts.b.wg.link_name',
      'field-unknown hosts.a.wg.colour',
      'name hosts.b.A',
      'object-shape hosts.b.five',
      'object-type hosts.b.typeless.type',
      'section-shape hosts.c',
    ])
  })

  it('says what is wrong with one host once, however many meshes meet it', () => {
    const mesh = { type: 'wireguard_mesh', network: 'wg' }
    const bad = { ...network, address: 'x' }
    const at = (last: number): object => ({ ...network, address: `10.69.0.${last}/16` })
    assert.deepEqual(codes({ a: { wg: bad }, b: { wg: at(2), mesh }, c: { wg: at(3), mesh } }), [
      'field-invalid hosts.a.wg.address',
    ])
  })

  it('judges agents over all hosts', () => {
    assert.deepEqual(
      codes({
        a: { wg: network, agent, agent2: { ...agent, peer_id: agent.peer_id.replace(/a$/, 'b') } },
        b: { agent },
        c: { wg: network, agent: { ...agent, network: 'agent', port: 0 } },
      }),
      [
        'agent-repeated hosts.a.agent2',
        'reference-missing hosts.b.agent.network',
        'peer-id-repeated hosts.b.agent.peer_id',
        'field-invalid hosts.c.agent.port',
        'reference-type hosts.c.agent.network',
      ],
    )
  })

  it('knows its types', () => {
    assert.deepEqual(Object.keys(knownTypes).sort(), [
      'agent',
      'container_network',
      'nftables_forward',
      'nftables_masquerade',
      'nftables_policy',
      'nftables_publish',
      'registry',
      'runc_container',
      'secret',
      'volume',
      'wireguard_mesh',
      'wireguard_network',
      'wireguard_peer',
    ])
  })

  it('takes any JSON without breaking', () => {
    const type = fc.constantFrom(...Object.keys(knownTypes))
    const object = fc
      .tuple(
        type,
        fc.dictionary(
          fc.constantFrom(
            'network',
            'address',
            'link_name',
            'allowed_ips',
            'host',
            '__proto__',
            'x',
          ),
          fc.oneof(
            fc.jsonValue(),
            fc.constantFrom('a', 'b', '10.69.0.1/16', 'toString', '__proto__'),
          ),
        ),
      )
      .map(([name, fields]) => ({ ...fields, type: name }))
    const name = fc.constantFrom('a', 'b', 'c', 'toString', '__proto__', 'constructor')
    const section = fc.dictionary(name, fc.oneof({ weight: 5, arbitrary: object }, fc.jsonValue()))
    const hosts = fc.dictionary(name, fc.oneof({ weight: 5, arbitrary: section }, fc.jsonValue()))
    fc.assert(
      fc.property(hosts, (each) => {
        lintConfig(configOf(each))
      }),
      { numRuns: sizeOf('COVEY_FUZZ', 150, 1500) },
    )
  })

  it('takes any value in any field of any type, and says so at that field', () => {
    const types = {
      wireguard_network: ['link_name', 'address', 'listen_port', 'public_key', 'endpoint'],
      wireguard_peer: ['network', 'allowed_ips', 'host', 'public_key', 'endpoint'],
      wireguard_mesh: ['network'],
      agent: ['peer_id', 'network', 'port'],
      container_network: ['network', 'subnet'],
      runc_container: ['image', 'network', 'address', 'mounts', 'secrets', 'env', 'runtime_config'],
      volume: ['on_remove'],
      secret: ['jwe'],
      nftables_forward: ['from', 'to'],
      nftables_policy: ['container', 'ingress', 'egress'],
      nftables_publish: ['container', 'host_port', 'protocol', 'on'],
      nftables_masquerade: ['network'],
    }
    // The first of these cannot be made a text of: `String` throws.
    const odd = [{ toString: 1, valueOf: 1 }, [[]], 5.5, 'a\nb', '__proto__', [{ toString: 1 }]]
    const sound = {
      wg: network,
      cn: { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' },
      web: { type: 'runc_container', network: 'cn', address: '10.69.1.5' },
      pub: { type: 'nftables_publish', container: 'web', host_port: 80, container_port: 80 },
    }
    for (const [type, fields] of Object.entries(types)) {
      for (const field of fields) {
        for (const value of odd) {
          const [name] = Object.entries(sound).find(([, each]) => each.type === type) ?? ['x']
          const before = Object.entries(sound).find(([each]) => each === name)?.[1] ?? { type }
          const found = codes({ h: { ...sound, [name]: { ...before, [field]: value } }, i: sound })
          const at = `hosts.h.${name}.${field}`
          assert.ok(
            found.some((text) => text.split(' ')[1]?.startsWith(at)),
            at,
          )
        }
      }
    }
  })

  it('tells more faults of one object than a call takes arguments', () => {
    const sysctl = Object.fromEntries(Array.from({ length: 140_000 }, (_, at) => [`a${at}`, 5]))
    const web = { type: 'runc_container', runtime_config: { linux: { sysctl } } }
    const found = codes({ a: { web } })
    assert.ok(found.length > 140_000)
  })

  it('says of a reference to a faulty object that it is that which is at fault', () => {
    const cn = { type: 'container_network', subnet: '10.69.1.1/24' }
    const nat = { type: 'nftables_masquerade', network: 'cn' }
    const faults = lintConfig(configOf({ a: { cn, nat } }))
    assert.equal(
      faults.find(({ path }) => path === 'hosts.a.nat.network')?.message,
      'must name a container_network, but cn is faulty itself',
    )
  })
})
