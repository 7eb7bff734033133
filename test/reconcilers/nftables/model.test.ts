import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { Config } from '../../../protocol/documents/config.ts'
import { type Address, parseAddress } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { compileFirewall } from '../../../reconcilers/nftables/elements/compile.ts'
import { type Flow, judgeFlow } from '../../../reconcilers/nftables/questions/explain.ts'
import { passes, wayOf } from '../../../reconcilers/nftables/questions/lookup.ts'
import { type TraceEnd, traceFlow } from '../../../reconcilers/nftables/questions/trace.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { configOf } from '../configs.ts'

const digest = `sha256:${'a'.repeat(64)}`
const key = (letter: string): string => `${letter.repeat(42)}A=`

const ends = ['10.69.1.5', '10.69.1.6', '10.69.2.5', '10.69.0.1', '10.69.0.2', '203.0.113.9']
  .concat(['169.254.169.254', '10.69.2.77', 'container:a', 'container:b', 'container:h2/far'])
  .concat(['host:h1', 'host:h2', '0.0.0.0/0', '10.69.0.0/16', '10.69.2.0/24'])
const asked = ends.filter((end) => parseAddress(end) !== undefined)
const ports = fc.option(
  fc.array(fc.constantFrom('80/tcp', '80-90/tcp', '85/udp', 'icmp', '1-65535/udp'), {
    minLength: 1,
    maxLength: 3,
  }),
  { nil: undefined },
)
const end = fc.constantFrom(...ends)
const withPorts = (
  rule: Record<string, unknown>,
  chosen: readonly string[] | undefined,
): unknown => (chosen === undefined ? rule : { ...rule, ports: chosen })

const policy = fc
  .record({
    container: fc.constantFrom('a', 'b'),
    ingress: fc.option(fc.array(fc.tuple(end, ports), { maxLength: 4 }), { nil: undefined }),
    egress: fc.option(fc.array(fc.tuple(end, ports), { maxLength: 4 }), { nil: undefined }),
  })
  .map(({ container, ingress, egress }) => ({
    type: 'nftables_policy',
    container,
    ...(ingress && { ingress: ingress.map(([from, list]) => withPorts({ from }, list)) }),
    ...(egress && { egress: egress.map(([to, list]) => withPorts({ to }, list)) }),
  }))

const rules = fc
  .record({
    policies: fc.array(policy, { maxLength: 3 }),
    forward: fc.option(fc.constantFrom('a', 'cn')),
    masquerade: fc.boolean(),
    published: fc.boolean(),
  })
  .map(({ policies, forward, masquerade, published }) => ({
    own: {
      ...Object.fromEntries(policies.map((each, index) => [`p${index}`, each])),
      ...(forward !== null && { f: { type: 'nftables_forward', from: forward, to: 'wg' } }),
      ...(masquerade && { m: { type: 'nftables_masquerade', network: 'cn' } }),
    },
    other: published
      ? {
          web: {
            type: 'nftables_publish',
            container: 'far',
            host_port: 85,
            container_port: 80,
          },
        }
      : {},
  }))

function configWith(own: Record<string, unknown>, other: Record<string, unknown>): Config {
  const container = (address: string): unknown => ({
    type: 'runc_container',
    image: `r.example/x@${digest}`,
    network: 'cn',
    address,
  })
  const base = (host: number, letter: string): Record<string, unknown> => ({
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: `10.69.0.${host}/16`,
      public_key: key(letter),
    },
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    cn: { type: 'container_network', network: 'wg', subnet: `10.69.${host}.0/24` },
  })
  return configOf({
    h1: { ...base(1, 'A'), a: container('10.69.1.5'), b: container('10.69.1.6'), ...own },
    h2: { ...base(2, 'B'), far: container('10.69.2.5'), ...other },
  })
}

/** Rules for `a` and `b` as rules for the container of the other host. */
function seenFrom(rules: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(rules)
    .replaceAll('"container":"a"', '"container":"far"')
    .replaceAll('"container":"b"', '"container":"far"')
    .replaceAll('"from":"a"', '"from":"far"')
    .replaceAll(/container:(?=[ab]")/g, 'container:h1/')
  return JSON.parse(text)
}

const addressOf = (text: string): Address => {
  const address = parseAddress(text)
  assert.ok(address)
  return address
}

suite('the firewall of a host, explained and compiled', () => {
  test('what is explained is what the elements come to', () => {
    fc.assert(
      fc.property(rules, ({ own, other }) => {
        const { spec, faulty } = resolveNftables(clusterOf(configWith(own, other)), 'h1')
        assert.deepEqual(faulty, [])
        const elements = compileFirewall(spec)
        for (const from of ['10.69.1.5', '10.69.1.6', '10.69.2.5', '203.0.113.9']) {
          for (const to of asked) {
            if (from === to) continue
            for (const [protocol, port] of [
              ['tcp', 80],
              ['tcp', 85],
              ['udp', 85],
              ['icmp', 0],
            ] as const) {
              const flow: Flow = { from: addressOf(from), to: addressOf(to), protocol, port }
              const explained = judgeFlow(spec, flow).every((each) => each.isAdmitted)
              const text = `${from} to ${to} ${port}/${protocol}: ${JSON.stringify(judgeFlow(spec, flow))}`
              assert.equal(passes(elements, flow, wayOf(spec, flow)), explained, text)
            }
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  test('what is traced from end to end is what the elements of both hosts come to', () => {
    const led = fc.option(fc.constantFrom('network', 'lan', 'public'))
    fc.assert(
      fc.property(rules, rules, led, ({ own, other }, { own: far }, on) => {
        const www = { type: 'nftables_publish', container: 'a', on, host_port: 85 }
        const publish = on === null ? {} : { www: { ...www, container_port: 80 } }
        const config = configWith({ ...own, ...publish }, { ...other, ...seenFrom(far) })
        const tables = Object.keys(config.hosts).map((host) => {
          const { spec } = resolveNftables(clusterOf(config), host)
          return { spec, elements: compileFirewall(spec) }
        })
        for (const from of ['10.69.1.5', '10.69.1.6', '10.69.2.5']) {
          for (const to of asked) {
            if (from === to) continue
            const [asker, target] = [addressOf(from), addressOf(to)]
            for (const port of [80, 85]) {
              const flow: Flow = { from: asker, to: target, protocol: 'tcp', port }
              const ports = { protocol: 'tcp', first: port, last: port } as const
              const end = (address: Address): TraceEnd => ({ words: '', address })
              const trace = traceFlow(config, end(asker), end(target), ports)
              const through = tables.every(({ spec, elements }) =>
                passes(elements, flow, wayOf(spec, flow)),
              )
              const text = `${from} to ${to} ${port}: ${JSON.stringify(trace.steps)}`
              assert.equal(through, trace.isAdmitted, text)
            }
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('a port that is open everywhere leads on at addresses that no config has', () => {
    const www = { type: 'nftables_publish', container: 'a', host_port: 85, container_port: 80 }
    const { spec } = resolveNftables(
      clusterOf(configWith({ www: { ...www, on: 'public' } }, {})),
      'h1',
    )
    const elements = compileFirewall(spec)
    const outside = addressOf('198.51.100.1')
    const isOpen = (from: string, port: number): boolean => {
      const flow: Flow = { from: addressOf(from), to: outside, protocol: 'tcp', port }
      return passes(elements, flow, wayOf(spec, flow, [outside]))
    }
    assert.deepEqual([isOpen('10.69.1.6', 85), isOpen('10.69.1.6', 86)], [true, false])
  })

  test('elements are the same whatever the order of objects and rules', () => {
    fc.assert(
      fc.property(rules, ({ own, other }) => {
        const texts = (section: Record<string, unknown>): unknown =>
          [
            ...compileFirewall(resolveNftables(clusterOf(configWith(section, other)), 'h1').spec),
          ].map(([set, found]) => [set, [...found.keys()].sort()])
        const reversed = Object.fromEntries(Object.entries(own).reverse())
        assert.deepEqual(texts(reversed), texts(own))
      }),
      { numRuns: 50 },
    )
  })
})
