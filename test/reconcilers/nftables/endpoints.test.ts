import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { parseAddress } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { compileFirewall } from '../../../reconcilers/nftables/elements/compile.ts'
import { judgeFlow } from '../../../reconcilers/nftables/questions/explain.ts'
import { passes } from '../../../reconcilers/nftables/questions/lookup.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { configOf } from '../configs.ts'

const container = (address: string): unknown => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network: 'cn',
  address,
})

function host(number: number, endpoint: string, more: Record<string, unknown> = {}): unknown {
  return {
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: `10.69.0.${number}/16`,
      endpoint,
    },
    cn: { type: 'container_network', network: 'wg', subnet: `10.69.${number}.0/24` },
    web: container(`10.69.${number}.5`),
    nat: { type: 'nftables_masquerade', network: 'cn' },
    ...more,
  }
}

/** True if the container of `h1` reaches a port, as the rules and as the explanation say. */
function reaches(config: Config, to: string, port: number): boolean {
  const { spec } = resolveNftables(clusterOf(config), 'h1')
  const [from, target] = [parseAddress('10.69.1.5'), parseAddress(to)]
  assert.ok(from && target)
  const flow = { from, to: target, protocol: 'tcp', port } as const
  const isPassed = passes(compileFirewall(spec), flow, { kind: 'elsewhere' })
  const isAdmitted = judgeFlow(spec, flow).every((each) => each.isAdmitted)
  assert.equal(isPassed, isAdmitted, `${to} ${port}: told otherwise than judged`)
  return isPassed
}

suite('where tunnels find hosts', () => {
  const publish = { type: 'nftables_publish', container: 'web', container_port: 80 }
  const peer = {
    type: 'wireguard_peer',
    network: 'wg',
    host: 'h2',
    allowed_ips: ['10.69.0.2/32'],
    endpoint: '192.0.2.77:51820',
  }
  const rules = (more: Record<string, unknown> = {}, own: Record<string, unknown> = {}): Config =>
    configOf({
      h1: host(1, '192.0.2.1:51820', { peer, ...own }),
      h2: host(2, '192.0.2.2:51820', more),
      h3: host(3, 'cloud03.example.com:51820'),
    })

  test('containers reach no service of another host there', () => {
    for (const address of ['192.0.2.2', '192.0.2.77', '192.0.2.1']) {
      for (const port of [22, 80, 2222]) assert.ok(!reaches(rules(), address, port), address)
    }
    assert.ok(reaches(rules(), '192.0.2.3', 80), 'the outside is open')
  })

  test('what a host publishes for all is open there, what it publishes in the mesh is not', () => {
    const on = (where: string): Config => rules({ w: { ...publish, host_port: 80, on: where } })
    assert.ok(reaches(on('public'), '192.0.2.2', 80))
    assert.ok(reaches(on('lan'), '192.0.2.2', 80))
    assert.ok(!reaches(on('network'), '192.0.2.2', 80))
    assert.ok(!reaches(on('public'), '192.0.2.2', 81))
  })

  test('a host behind a NAT is asked there for what it publishes itself', () => {
    const w = { ...publish, host_port: 80, on: 'public' }
    assert.ok(reaches(rules({}, { w }), '192.0.2.1', 80))
  })

  test('an egress that names the address opens it, and a wider one does not', () => {
    const egress = (to: string): Config =>
      rules({}, { p: { type: 'nftables_policy', container: 'web', egress: [{ to }] } })
    assert.ok(reaches(egress('192.0.2.2'), '192.0.2.2', 2222))
    assert.ok(!reaches(egress('192.0.2.0/24'), '192.0.2.2', 2222))
    assert.ok(!reaches(egress('0.0.0.0/0'), '192.0.2.2', 2222))
  })
})
