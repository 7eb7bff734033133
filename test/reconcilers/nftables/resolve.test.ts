import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { faultText } from '../../../protocol/fault.ts'
import { addressText } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { lintConfig } from '../../../reconcilers/lint.ts'
import { compileFirewall } from '../../../reconcilers/nftables/elements/compile.ts'
import { parseFlowEnd, parsePorts } from '../../../reconcilers/nftables/flows/flow-end.ts'
import { findEnd } from '../../../reconcilers/nftables/questions/trace.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { configOf } from '../configs.ts'

const container = (address: string): unknown => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network: 'cn',
  address,
})

const section = {
  wg: { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' },
  cn: { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' },
  alone: { type: 'container_network', subnet: '10.69.9.0/24' },
  me: { type: 'agent', peer_id: `12D3KooW${'A'.repeat(44)}`, network: 'wg', port: 5000 },
  web: container('10.69.1.5'),
  cn6: { type: 'container_network', network: 'wg', subnet: 'fd69::/64' },
  six: { ...(container('fd69::5') as object), network: 'cn6' },
  lost: container('10.69.7.5'),
  solo: { ...(container('10.69.9.5') as object), network: 'alone' },
  open: { type: 'runc_container', image: 'x', host_network: true },
  side: { type: 'runc_container', image: 'x', network_of: 'web' },
}

const publish = { type: 'nftables_publish', container: 'web', host_port: 80, container_port: 80 }
const policy = { type: 'nftables_policy', container: 'web' }

/** Faults of one object, as a user reads them. */
const cases: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['a field nobody knows', { ...publish, colour: 'red' }, /x\.colour: no such field/],
  ['no container', { ...policy, container: 'nobody' }, /x\.container: no object nobody/],
  ['not a container', { ...policy, container: 'wg' }, /x\.container: must name a runc_container/],
  ['a container without address', { ...policy, container: 'open' }, /open has no address/],
  [
    'a container in the network of another one',
    { ...policy, container: 'side' },
    /side shares the network of web: name that one/,
  ],
  ['a container outside its network', { ...policy, container: 'lost' }, /lost has no address that/],
  [
    'an end that is no end',
    { ...policy, ingress: [{ from: 'everyone' }] },
    /x\.ingress\.0\.from: must be a network/,
  ],
  [
    'an IPv4 address as IPv6, which would admit nothing',
    { ...policy, egress: [{ to: '::ffff:192.0.2.7', ports: ['80/tcp'] }] },
    /x\.egress\.0\.to: no packet has .* such as ::ffff:192\.0\.2\.7: write 192\.0\.2\.7$/,
  ],
  [
    'an IPv4 network as IPv6',
    { ...policy, ingress: [{ from: '::ffff:a00:0/104' }] },
    /x\.ingress\.0\.from: no packet has .*: write 10\.0\.0\.0\/8$/,
  ],
  ['bits behind the prefix', { ...policy, egress: [{ to: '10.0.0.1/8' }] }, /x\.egress\.0\.to/],
  [
    'a container of nobody',
    { ...policy, ingress: [{ from: 'container:h9/web' }] },
    /x\.ingress\.0\.from: no host h9/,
  ],
  [
    'a container that is none',
    { ...policy, ingress: [{ from: 'container:ghost' }] },
    /x\.ingress\.0\.from: no object ghost on h1/,
  ],
  ['a host without a mesh', { ...policy, egress: [{ to: 'host:h2' }] }, /h2 has no wireguard_net/],
  ['a port without protocol', { ...policy, ingress: [{ from: '::/0', ports: ['80'] }] }, /80\/tcp/],
  [
    'a range that goes back',
    { ...policy, ingress: [{ from: '::/0', ports: ['9-8/tcp'] }] },
    /range/,
  ],
  [
    'forward to no link',
    { type: 'nftables_forward', from: 'web', to: 'cn' },
    /x\.to: must name a w/,
  ],
  ['forward from no object', { type: 'nftables_forward', from: 'w', to: 'wg' }, /x\.from: no obj/],
  ['masquerade of a container', { type: 'nftables_masquerade', network: 'web' }, /container_netw/],
  ["the tunnel's port", { ...publish, protocol: 'udp', host_port: 51820 }, /port of wg.*cut/],
  ["the overlay's port", { ...publish, host_port: 5000 }, /port of the overlay.*cut/],
  ["ssh's port", { ...publish, host_port: 22, on: 'public' }, /22\/tcp is a rescue port/],
  ['a port taken', { ...publish, host_port: 8080 }, /8080\/tcp is published by first already/],
  ['no mesh to publish in', { ...publish, container: 'solo' }, /no container_network with a Wire/],
  ['another family', { ...publish, container: 'six' }, /IPv4 address, and six has none/],
]

suite('objects of the firewall, resolved', () => {
  const first = { ...publish, host_port: 8080 }
  for (const [name, object, wanted] of cases) {
    test(`refused: ${name}`, () => {
      const config = configOf({ h1: { ...section, first, x: object }, h2: {} })
      const { faulty } = resolveNftables(clusterOf(config), 'h1')
      const texts = faulty.map(({ object: about, fault }) => `${about}: ${faultText(fault)}`)
      assert.equal(texts.length, 1, texts.join('\n'))
      assert.match(texts[0] ?? '', /^x: hosts\.h1\.x/)
      assert.match(texts[0] ?? '', wanted)
    })
  }

  test('a faulty policy that says something of egress leaves nothing open', () => {
    const egress = [{ to: 'container:ghost' }]
    const config = configOf({ h1: { ...section, x: { ...policy, egress } } })
    const { spec } = resolveNftables(clusterOf(config), 'h1')
    assert.deepEqual([[...spec.restricted], spec.egress], [['web'], []])
  })

  test("another host's port in the mesh is open where it leads on, and not beside it", () => {
    const other = {
      wg: { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.2/16' },
      second: {
        type: 'wireguard_network',
        link_name: 'wg1',
        address: '10.70.0.2/16',
        listen_port: 51821,
      },
      cn: { type: 'container_network', network: 'wg', subnet: '10.69.2.0/24' },
      web: container('10.69.2.5'),
    }
    const services = (on: string): readonly string[] => {
      const config = configOf({ h1: section, h2: { ...other, w: { ...publish, on } } })
      const found =
        compileFirewall(resolveNftables(clusterOf(config), 'h1').spec).get('services4') ?? []
      return [...found].filter((element) => element.endsWith(' . 80'))
    }
    assert.deepEqual(services('network'), ['10.69.0.2 . 6 . 80'])
    assert.deepEqual(services('lan'), ['10.69.0.2 . 6 . 80', '10.70.0.2 . 6 . 80'])
  })

  test('no link of the mesh has a name as those of containers have', () => {
    const wg = { ...section.wg, link_name: 'cv-mesh' }
    const [fault] = lintConfig(configOf({ h1: { wg } }))
    assert.match(fault === undefined ? '' : faultText(fault), /h1\.wg\.link_name: begins with cv-/)
  })

  test('rescue ports are those of the host', () => {
    const config = configOf({ h1: { ...section, x: { ...publish, host_port: 2222 } } })
    const rescue = [{ protocol: 'tcp' as const, first: 2200, last: 2299 }]
    assert.deepEqual(resolveNftables(clusterOf(config), 'h1').faulty, [])
    assert.equal(resolveNftables(clusterOf(config), 'h1', rescue).faulty.length, 1)
  })

  test('a container of both families is judged, published and masqueraded by both', () => {
    const cn = { ...section.cn, subnet6: 'fd00:9::/64' }
    const web = { ...(section.web as object), address6: 'fd00:9::5' }
    const db = { ...(container('10.69.1.6') as object), address6: 'fd00:9::6' }
    const objects = {
      ...{ pub: { ...publish, on: 'public' }, out: { type: 'nftables_masquerade', network: 'cn' } },
      let: { ...policy, ingress: [{ from: 'container:db', ports: ['80/tcp'] }] },
    }
    const config = configOf({ h1: { ...section, cn, web, db, ...objects } })
    const { spec, faulty } = resolveNftables(clusterOf(config), 'h1')
    assert.deepEqual(faulty, [])
    const sets = compileFirewall(spec)
    const has = (set: string, text: string): boolean =>
      [...(sets.get(set) ?? [])].some((each) => each.includes(text))
    for (const set of ['containers6', 'sources6', 'judged6', 'masqueraded6', 'hairpins6']) {
      assert.ok(has(set, 'fd00:9::5'), set)
    }
    assert.ok(has('ingress6', 'fd00:9::6 . fd00:9::5') && has('ingress4', '10.69.1.6 . 10.69.1.5'))
    assert.ok(has('on_public6', 'fd00:9::5') && has('on_public4', '10.69.1.5'))
    assert.equal(sets.get('zones_public')?.size, 1)
    assert.ok(!has('own6', 'fd00:9::'))
    const other = configOf({ h1: { ...section, cn, web: { ...web, address6: 'fd00:8::5' } } })
    const strange = resolveNftables(clusterOf(other), 'h1').spec
    assert.ok(![...strange.containers].some(({ address }) => addressText(address) === 'fd00:8::5'))
  })

  test('a host needs a table for its place in the overlay, containers or rules', () => {
    const { wg } = section
    const agent = { type: 'agent', peer_id: `12D3KooW${'A'.repeat(44)}`, network: 'wg' }
    const placed = resolveNftables(clusterOf(configOf({ h1: { wg, agent } })), 'h1').spec
    assert.deepEqual([placed.isNeeded, placed.isJudging], [true, false])
    assert.deepEqual(placed.own.map(addressText), ['10.69.0.1'])
    // A faulty one may be known to others, and its host is no less in the mesh.
    const faulty = { ...agent, port: 'none' }
    assert.ok(
      resolveNftables(clusterOf(configOf({ h1: { wg, agent: faulty } })), 'h1').spec.isNeeded,
    )
    assert.equal(resolveNftables(clusterOf(configOf({ h1: { wg } })), 'h1').spec.isNeeded, false)
    assert.equal(resolveNftables(clusterOf(configOf({ h1: section })), 'h1').spec.isNeeded, true)
    assert.equal(resolveNftables(clusterOf(configOf({ h1: section })), 'h1').spec.isJudging, false)
  })
})

suite('words of policies', () => {
  for (const text of ['', 'container:', 'container:/web', 'container:a/b/c', 'host:', 'host:A b']) {
    test(`no end: ${JSON.stringify(text)}`, () => assert.equal(parseFlowEnd(text), undefined))
  }
  for (const text of [
    '',
    '0/tcp',
    '65536/tcp',
    '80/sctp',
    '080/tcp',
    '1-2-3/tcp',
    'tcp',
    '80/TCP',
  ]) {
    test(`no ports: ${JSON.stringify(text)}`, () => assert.equal(parsePorts(text), undefined))
  }
  test('a bare address is a network of one', () => {
    assert.deepEqual(parseFlowEnd('192.0.2.7'), parseFlowEnd('192.0.2.7/32'))
  })
  test('a trace takes no IPv4 address as IPv6', () => {
    const end = findEnd(configOf({ h1: section }), '::ffff:10.69.7.5')
    assert.match('problem' in end ? end.problem : '', /: write 10\.69\.7\.5$/)
  })
})
