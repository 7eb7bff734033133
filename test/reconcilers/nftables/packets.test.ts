import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { configOf } from '../configs.ts'
import { namespaceOf, silenceMs, World } from './world.ts'

const digest = `sha256:${'a'.repeat(64)}`
const key = (letter: string): string => `${letter.repeat(42)}A=`

const container = (address: string): unknown => ({
  type: 'runc_container',
  image: `r.example/x@${digest}`,
  network: 'cn',
  address,
})

/** Two hosts: `h1` with containers a, b and c, and `h2` with one called far. */
function withRules(rules: Record<string, unknown>): Config {
  const base = {
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: '10.69.0.1/16',
      public_key: key('A'),
    },
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    cn: { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' },
    a: container('10.69.1.5'),
    b: container('10.69.1.6'),
    c: container('10.69.1.7'),
  }
  const other = {
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: '10.69.0.2/16',
      public_key: key('B'),
    },
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    cn: { type: 'container_network', network: 'wg', subnet: '10.69.2.0/24' },
    far: container('10.69.2.5'),
  }
  return configOf({ h1: { ...base, ...rules }, h2: other })
}

const forwardAll = { type: 'nftables_forward', from: 'cn', to: 'wg' }
const policy = (name: string, more: Record<string, unknown>): unknown => ({
  type: 'nftables_policy',
  container: name,
  ...more,
})

suite('packets through the firewall of one host', () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.apply(withRules({ f: forwardAll }))
    for (const [name, address] of [
      ['covey-a', '10.69.1.5'],
      ['covey-b', '10.69.1.6'],
      ['covey-c', '10.69.1.7'],
      ['remote', '10.69.2.5'],
      ['remote', '10.69.0.2'],
      ['lan', '203.0.113.9'],
      ['lan', '169.254.169.254'],
      ['host', '10.69.0.1'],
      ['host', '192.168.7.1'],
    ] as const) {
      for (const port of [80, 81]) assert.ok(await world.probe(name).ask('listen', address, port))
    }
  })
  after(() => world?.close())

  /**
   * Exactly these protocols come through: one that should has long, one that should not is waited
   * for a while.
   */
  const reach = async (
    wanted: 'nothing' | 'tcp' | 'tcp udp',
    from: string,
    to: string,
    port = 80,
    what = '',
  ): Promise<void> => {
    const probe = world.probe(from)
    const ask = (kind: 'tcp' | 'udp'): Promise<boolean> =>
      probe.ask(kind, to, port, wanted.includes(kind) ? undefined : silenceMs)
    const [tcp, udp] = await Promise.all([ask('tcp'), ask('udp')])
    const found = [...(tcp ? ['tcp'] : []), ...(udp ? ['udp'] : [])].join(' ') || 'nothing'
    assert.equal(found, wanted, `${from} to ${to}, ${port} ${what}`)
  }

  test('without an object of the firewall flows are open, and hosts are not', async () => {
    await world.apply(withRules({}))
    await reach('tcp udp', 'covey-a', '10.69.1.6')
    await reach('tcp udp', 'remote', '10.69.1.6')
    await reach('tcp udp', 'covey-a', '10.69.2.5')
    await reach('nothing', 'covey-a', '10.69.0.1', 80, 'its own host')
    await reach('nothing', 'covey-a', '192.168.7.1', 80, 'its own host, by the LAN')
    await reach('nothing', 'covey-a', '10.69.0.2', 80, 'another host')
    await reach('nothing', 'covey-a', '169.254.169.254', 80, 'metadata')
  })

  test('a forward lets out into the tunnel, and nothing in', async () => {
    await world.apply(withRules({ f: { ...forwardAll, from: 'a' } }))
    await reach('tcp udp', 'covey-a', '10.69.2.5')
    await reach('nothing', 'covey-b', '10.69.2.5')
    await reach('nothing', 'remote', '10.69.1.5')
    await reach('nothing', 'covey-b', '10.69.1.5')
    await reach('nothing', 'covey-a', '10.69.0.2', 80, 'the other host itself')
    await reach('nothing', 'covey-a', '203.0.113.9', 80, 'the outside')
  })

  test('a policy lets in exactly what it names', async () => {
    const ingress = [
      { from: 'container:a', ports: ['80/tcp'] },
      { from: 'container:h2/far', ports: ['81/udp'] },
    ]
    await world.apply(withRules({ f: forwardAll, p: policy('b', { ingress }) }))
    await reach('tcp', 'covey-a', '10.69.1.6', 80)
    await reach('nothing', 'covey-a', '10.69.1.6', 81)
    await reach('nothing', 'covey-c', '10.69.1.6', 80)
    await reach('nothing', 'remote', '10.69.1.6', 81, 'the host is not its container')
    assert.ok(await world.probe('remote').ask('udp', '10.69.1.6', 81, undefined, '10.69.2.5'))
  })

  test('an egress list is exact', async () => {
    const egress = [{ to: 'container:h2/far', ports: ['80/tcp'] }, { to: '203.0.113.0/24' }]
    const rules = { m: { type: 'nftables_masquerade', network: 'cn' }, f: forwardAll }
    await world.apply(withRules({ ...rules, p: policy('a', { egress }) }))
    await reach('tcp', 'covey-a', '10.69.2.5', 80)
    await reach('nothing', 'covey-a', '10.69.2.5', 81)
    await reach('tcp udp', 'covey-a', '203.0.113.9')
    await reach('tcp udp', 'covey-b', '203.0.113.9', 80, 'masquerade covers the others')
    await reach('nothing', 'covey-a', '169.254.169.254')
    await reach('nothing', 'covey-b', '169.254.169.254')
  })

  test('guarded addresses are opened by name and by nothing wider', async () => {
    const open = (to: string): Config =>
      withRules({ f: forwardAll, p: policy('a', { egress: [{ to, ports: ['80/tcp'] }] }) })
    await world.apply(open('0.0.0.0/0'))
    await reach('nothing', 'covey-a', '10.69.0.2')
    await reach('nothing', 'covey-a', '10.69.0.1')
    await world.apply(open('host:h2'))
    await reach('tcp', 'covey-a', '10.69.0.2')
    await world.apply(open('host:h1'))
    await reach('tcp', 'covey-a', '10.69.0.1')
    await reach('nothing', 'covey-a', '10.69.0.1', 81)
  })

  test('a published port is reached from the mesh, the host, a sibling and itself', async () => {
    const publish = {
      type: 'nftables_publish',
      container: 'b',
      host_port: 8080,
      container_port: 80,
    }
    await world.apply(withRules({ f: forwardAll, web: publish }))
    for (const from of ['remote', 'host', 'covey-a', 'covey-b']) {
      await reach('tcp', from, '10.69.0.1', 8080, from)
    }
    await reach('nothing', 'lan', '192.168.7.1', 8080, 'not from the LAN')
    await world.apply(withRules({ web: { ...publish, on: 'lan' } }))
    await reach('tcp', 'lan', '192.168.7.1', 8080)
    assert.ok(!(await world.probe('lan').ask('tcp', '192.168.7.1', 8080, silenceMs, '203.0.113.9')))
    await world.apply(withRules({ web: { ...publish, on: 'public' } }))
    assert.ok(await world.probe('lan').ask('tcp', '192.168.7.1', 8080, undefined, '203.0.113.9'))
  })

  test('a container sends from its own address only', async () => {
    const ingress = [{ from: '0.0.0.0/0' }]
    const inA = namespaceOf('covey-a')
    await world.apply(withRules({ f: forwardAll, p: policy('b', { ingress }) }))
    await world.sh(
      `ip -n ${inA} addr add 10.69.1.7/32 dev lo; ip -n ${inA} addr add 8.8.8.8/32 dev lo`,
    )
    const probe = world.probe('covey-a')
    assert.ok(await probe.ask('udp', '10.69.1.6', 80, undefined, '10.69.1.5'))
    assert.ok(!(await probe.ask('udp', '10.69.1.6', 80, silenceMs, '10.69.1.7')), "a sibling's")
    assert.ok(!(await probe.ask('udp', '10.69.1.6', 80, silenceMs, '8.8.8.8')), "nobody's")
    await world.sh(`ip -n ${inA} addr del 10.69.1.7/32 dev lo`)
  })

  test('a flow that a new policy no longer admits is cut, others go on', async () => {
    const ingress = (ports: readonly string[]): unknown => [{ from: 'container:a', ports }]
    const config = (ports: readonly string[]): Config =>
      withRules({ p: policy('b', { ingress: ingress(ports) }) })
    await world.apply(config(['80/tcp', '81/tcp']))
    const probe = world.probe('covey-a')
    const first = probe.next
    assert.ok(await probe.ask('hold', '10.69.1.6', 80))
    const second = probe.next
    assert.ok(await probe.ask('hold', '10.69.1.6', 81))
    await world.apply(config(['81/tcp']))
    assert.ok(await probe.ask('speak', '', second))
    assert.ok(!(await probe.ask('speak', '', first, silenceMs)))
  })

  test('a table that was flushed or changed is made again, another is left alone', async () => {
    const config = withRules({ p: policy('b', { ingress: [{ from: 'container:a' }] }) })
    await world.sh(
      'nft add table inet mine; nft add chain inet mine c; nft add rule inet mine c counter drop',
    )
    await world.apply(config)
    const mine = await world.sh('nft list table inet mine')
    const own = 'nft -s list table inet covey'
    const wanted = await world.sh(own)
    for (const harm of [
      'nft delete table inet covey',
      'nft flush chain inet covey forward',
      'nft delete element inet covey judged4 { 10.69.1.6 }',
      'nft add element inet covey restricted4 { 10.9.9.9 }',
      'nft insert rule inet covey forward accept',
      'nft add set inet covey extra { type ipv4_addr\\; }',
    ]) {
      await world.sh(harm)
      assert.notEqual(await world.sh(`${own} || true`), wanted, harm)
      assert.notDeepEqual(await world.applyFirewall(config), [], harm)
      assert.equal(await world.sh(own), wanted, harm)
      assert.deepEqual(await world.applyFirewall(config), [], harm)
    }
    assert.equal(await world.sh('nft list table inet mine'), mine)
  })
})
