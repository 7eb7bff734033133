import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { compileFirewall } from '../../../reconcilers/nftables/elements/compile.ts'
import { parsePorts } from '../../../reconcilers/nftables/flows/flow-end.ts'
import { permissionsOf } from '../../../reconcilers/nftables/questions/explain.ts'
import { passes, wayOf } from '../../../reconcilers/nftables/questions/lookup.ts'
import { findEnd, traceFlow } from '../../../reconcilers/nftables/questions/trace.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { configOf } from '../configs.ts'

const container = (address: string): Record<string, unknown> => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network: 'cn',
  address,
})
const host = (number: number): Record<string, unknown> => ({
  wg: {
    type: 'wireguard_network',
    link_name: 'wg0',
    address: `10.69.0.${number}/16`,
    public_key: `${String.fromCharCode(64 + number).repeat(42)}A=`,
  },
  mesh: { type: 'wireguard_mesh', network: 'wg' },
  cn: { type: 'container_network', network: 'wg', subnet: `10.69.${number}.0/24` },
})

const config = configOf({
  cloud01: {
    ...host(1),
    web: container('10.69.1.5'),
    twin: container('10.69.1.6'),
    cn6: { type: 'container_network', subnet: 'fd00:1::/64' },
    six: { ...container('fd00:1::5'), network: 'cn6' },
    front6: {
      type: 'nftables_publish',
      container: 'six',
      host_port: 8086,
      container_port: 80,
      on: 'lan',
    },
    out: { type: 'nftables_forward', from: 'web', to: 'wg' },
    front: {
      type: 'nftables_publish',
      container: 'web',
      host_port: 8080,
      container_port: 80,
      on: 'lan',
    },
  },
  local01: {
    ...host(2),
    db: container('10.69.2.5'),
    twin: container('10.69.2.6'),
    away: { type: 'nftables_forward', from: 'twin', to: 'wg' },
    guard: {
      type: 'nftables_policy',
      container: 'db',
      ingress: [{ from: 'container:cloud01/web', ports: ['5432/tcp'] }],
    },
  },
})

/** A flow, the verdict, and who says what. */
const cases: readonly (readonly [string, string, string, boolean, readonly string[]])[] = [
  ['web', 'db', '5432/tcp', true, ['cloud01 out out', 'local01 in guard']],
  ['web', 'db', '80/tcp', false, ['cloud01 out out', 'local01 in guard']],
  ['cloud01/twin', 'db', '5432/tcp', false, ['cloud01 out null', 'local01 in guard']],
  ['db', 'web', '80/tcp', false, ['local01 out null', 'cloud01 in null']],
  ['192.168.1.9', 'host:cloud01', '8080/tcp', true, ['cloud01 in front']],
  ['203.0.113.9', 'host:cloud01', '8080/tcp', false, ['cloud01 in front']],
  ['cloud01/twin', 'host:cloud01', '8080/tcp', true, ['cloud01 out null', 'cloud01 in front']],
  // Nobody else's container needs an egress for a published port: a forward is enough.
  ['local01/twin', 'host:cloud01', '8080/tcp', true, ['local01 out away', 'cloud01 in front']],
  ['local01/twin', 'host:cloud01', '8081/tcp', false, ['local01 out null', 'cloud01 host null']],
  ['db', 'host:cloud01', '8080/tcp', false, ['local01 out null', 'cloud01 in front']],
  // It leads to a container of IPv6, and this asks by IPv4.
  ['local01/twin', 'host:cloud01', '8086/tcp', false, ['local01 out away', 'cloud01 host null']],
  ['web', 'host:local01', '22/tcp', false, ['cloud01 out null', 'local01 host null']],
  ['web', 'host:cloud01', '22/tcp', false, ['cloud01 out null']],
  // A host's own processes reach its containers, and those of others where an ingress says so.
  ['host:local01', 'db', '22/tcp', true, ['local01 in null']],
  ['host:cloud01', 'db', '22/tcp', false, ['local01 in guard']],
  ['198.51.100.1', '203.0.113.1', 'icmp', true, []],
]

const link = { type: 'wireguard_network', link_name: 'wg1', listen_port: 51821 }
const toHost = { to: 'host:cloud01', ports: ['53/udp'] }
/** `db` may ask a host that is in two meshes. */
const twoMeshes = configOf({
  ...config.hosts,
  cloud01: { ...config.hosts['cloud01'], wg6: { ...link, address: 'fd69::1/64' } },
  local01: {
    ...config.hosts['local01'],
    names: { type: 'nftables_policy', container: 'db', egress: [toHost] },
  },
})

suite('a flow that is traced', () => {
  for (const [from, to, port, isAdmitted, steps] of cases) {
    test(`${from} to ${to}, ${port}: ${isAdmitted ? 'admitted' : 'dropped'}`, () => {
      const [asker, target] = [findEnd(config, from), findEnd(config, to)]
      const ports = parsePorts(port)
      assert.ok('address' in asker && 'address' in target && ports !== undefined)
      const trace = traceFlow(config, asker, target, ports)
      const said = trace.steps.map((step) => `${step.host} ${step.side} ${step.object}`)
      assert.deepEqual([said, trace.isAdmitted], [steps, isAdmitted])
    })
  }

  test('what a host sends itself passes its own table', () => {
    const { spec } = resolveNftables(clusterOf(config), 'local01')
    for (const [from, isAdmitted] of [
      ['host:local01', true],
      ['host:cloud01', false],
    ] as const) {
      const [asker, target] = [findEnd(config, from), findEnd(config, 'db')]
      assert.ok('address' in asker && 'address' in target)
      const flow = { from: asker.address, to: target.address, protocol: 'tcp', port: 22 } as const
      assert.equal(passes(compileFirewall(spec), flow, wayOf(spec, flow)), isAdmitted, from)
    }
  })

  test('an end is found by any of its names, and a doubtful one is not guessed', () => {
    for (const name of ['web', 'cloud01/web', 'container:cloud01/web', '10.69.1.5']) {
      const end = findEnd(config, name)
      assert.ok('words' in end)
      assert.equal(end.words, 'container:cloud01/web')
    }
    for (const [name, wanted] of [
      ['twin', /several hosts: container:cloud01\/twin, container:local01\/twin/],
      ['ghost', /no container ghost/],
      ['host:ghost', /no host ghost/],
      ['a b', /no container, host or address/],
    ] as const) {
      const end = findEnd(config, name)
      assert.ok('problem' in end)
      assert.match(end.problem, wanted)
    }
  })

  test('an end with several addresses is listed once', () => {
    const { spec } = resolveNftables(clusterOf(twoMeshes), 'local01')
    assert.equal(spec.egress.length, 2)
    const lines = permissionsOf(spec).filter(({ object }) => object === 'names')
    const line = { from: 'container:db', to: 'host:cloud01', ports: '53/udp', object: 'names' }
    assert.deepEqual(lines, [line])
  })

  test('who may talk to whom is listed by object', () => {
    const lines = ['cloud01', 'local01'].flatMap((each) =>
      permissionsOf(resolveNftables(clusterOf(config), each).spec).map(
        ({ from, to, ports, object }) => `${object}: ${from} to ${to}, ${ports}`,
      ),
    )
    assert.deepEqual(lines, [
      'out: container:web to behind wg0, any',
      'front: the mesh and the LAN, by this host to container:web, 8080/tcp to 80',
      'front6: the mesh and the LAN, by this host to container:six, 8086/tcp to 80',
      'guard: container:cloud01/web to container:db, 5432/tcp',
      'away: container:twin to behind wg0, any',
    ])
  })
})
