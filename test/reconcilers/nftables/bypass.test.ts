import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { craft, inFragments } from '../../packets/craft.ts'
import { answerMsMax, type Said, Traffic } from './traffic.ts'
import { forwards, policy, twoHosts } from './two-hosts.ts'
import { World } from './world.ts'

const [a, b, c, far] = ['10.69.1.5', '10.69.1.6', '10.69.1.7', '10.69.2.5']
const [six, seven, far6] = ['fd69:0:0:1::5', 'fd69:0:0:1::6', 'fd69:0:0:2::5']

suite('what could get by the firewall', () => {
  let world: World
  let traffic: Traffic
  before(async () => {
    world = await World.open()
    traffic = new Traffic(world)
    await world.apply(twoHosts(forwards))
  })
  after(() => world?.close())

  test('fragments are judged as the packet that they are of', async () => {
    const ingress = [{ from: 'container:a', ports: ['80/udp'] }]
    await world.apply(twoHosts({ ...forwards, p: policy('b', { ingress }) }))
    const [sender, target] = [await world.wire('covey-a'), await world.wire('covey-b')]
    const inTwo = (port: number): number => {
      const id = traffic.take()
      const packet = craft({ from: a, to: b, protocol: 'udp', port, id, content: Buffer.alloc(64) })
      for (const part of inFragments(packet, 8)) sender.send(b, part)
      return id
    }
    const forbidden = inTwo(81)
    assert.ok(await target.arrives(inTwo(80), answerMsMax))
    assert.ok(!target.has(forbidden))
  })

  test('other protocols pass only where all ports do', async () => {
    const some = [{ from: 'container:a', ports: ['1-65535/tcp', '1-65535/udp', 'icmp'] }]
    await world.apply(twoHosts({ ...forwards, p: policy('b', { ingress: some }) }))
    for (const protocol of [4, 47, 50, 99]) {
      const said = { from: a, to: b, protocol, port: 80 }
      await traffic.isRefused('refused_in', 'covey-a', said, `protocol ${protocol}`)
    }
    await traffic.comes('covey-a', 'covey-b', { from: a, to: b, protocol: 'icmp' }, 'ping')
    const all = [{ from: 'container:a' }]
    await world.apply(twoHosts({ ...forwards, p: policy('b', { ingress: all }) }))
    for (const protocol of ['tcp', 'udp', 'icmp', 47, 99] as const) {
      await traffic.comes(
        'covey-a',
        'covey-b',
        { from: a, to: b, protocol, port: 80 },
        `${protocol}`,
      )
    }
  })

  test('neighbour discovery is not forwarded, which conntrack would never track', async () => {
    await world.apply(twoHosts(forwards))
    for (const type of [133, 134, 135, 136, 143]) {
      const said = { protocol: 'icmp', type: [type, 0], hopLimit: 255 } as const
      await traffic.isRefused(
        'refused_out',
        'covey-six',
        { from: six, to: seven, ...said },
        `type ${type}`,
      )
      await traffic.isRefused(
        'refused_out',
        'covey-six',
        { from: six, to: far6, ...said },
        `type ${type}`,
      )
      await traffic.isRefused(
        'refused_in',
        'remote',
        { from: far6, to: six, ...said },
        `type ${type}`,
      )
    }
  })

  test('errors pass for flows that exist, between their ends', async () => {
    const ingress = [{ from: 'container:c', ports: ['80/udp'] }]
    const ingress6 = [{ from: 'container:six', ports: ['80/udp'] }]
    const rules = { p: policy('b', { ingress }), q: policy('seven', { ingress: ingress6 }) }
    await world.apply(twoHosts({ ...forwards, ...rules }))
    const flow = { from: c, to: b, protocol: 'udp', sourcePort: 5000, port: 80 } as const
    await traffic.comes('covey-c', 'covey-b', flow)
    const error = (about: Said): Said => {
      const isSix = about.from.includes(':')
      const content = craft({ ...about, id: 1 }).subarray(0, isSix ? 48 : 28)
      const type = isSix ? ([2, 0] as const) : ([3, 3] as const)
      return { from: about.to, to: about.from, protocol: 'icmp', type, content }
    }
    await traffic.comes('covey-b', 'covey-c', error(flow), 'from who was asked')
    await traffic.isRefused(
      'refused_out',
      'covey-a',
      { ...error(flow), from: a },
      'from somebody else',
    )
    await traffic.isRefused(
      'refused_out',
      'covey-b',
      { ...error(flow), from: b, to: far },
      'to another',
    )
    // Newer kernels find out by themselves, and call it invalid.
    await traffic.isRefused('any', 'covey-b', { ...error(flow), from: b, to: a }, 'to a sibling')
    const none = { ...flow, sourcePort: 5001 }
    await traffic.isRefused('refused_out', 'covey-b', error(none), 'of no flow')
    const flow6 = { ...flow, from: six, to: seven }
    await traffic.isRefused('refused_out', 'covey-seven', error(flow6), 'too big, of no flow')
    await traffic.comes('covey-six', 'covey-seven', flow6)
    await traffic.comes('covey-seven', 'covey-six', error(flow6), 'too big')
    await world.apply(twoHosts(forwards))
    await traffic.isRefused(
      'refused_in',
      'covey-b',
      error(flow),
      'of a flow that is admitted no more',
    )
  })

  test('an answer needs a question', async () => {
    const ingress = [{ from: 'container:a', ports: ['80/tcp', '80/udp'] }]
    await world.apply(twoHosts({ ...forwards, p: policy('b', { ingress }) }))
    const ack = 0x10
    const answer = { from: b, to: a, sourcePort: 80, port: 5002 }
    await traffic.isRefused('refused_in', 'covey-b', { ...answer, protocol: 'tcp', flags: ack })
    await traffic.isRefused('refused_in', 'covey-b', { ...answer, protocol: 'udp' })
    await traffic.comes('covey-a', 'covey-b', {
      from: a,
      to: b,
      sourcePort: 5002,
      port: 80,
      protocol: 'udp',
    })
    await traffic.comes('covey-b', 'covey-a', { ...answer, protocol: 'udp' })
  })

  test('nobody sends from an address that is not his', async () => {
    const ingress = [{ from: '0.0.0.0/0' }]
    const ingress6 = [{ from: '::/0' }]
    const rules = { p: policy('b', { ingress }), q: policy('seven', { ingress: ingress6 }) }
    await world.apply(twoHosts({ ...forwards, ...rules }))
    const to = (target: string, from: string): Said => ({
      from,
      to: target,
      protocol: 'udp',
      port: 80,
    })
    await traffic.comes('covey-a', 'covey-b', to(b, a))
    for (const from of [c, far, '10.69.0.1', '10.69.0.2', '8.8.8.8', '127.0.0.1']) {
      await traffic.isRefused('spoofed', 'covey-a', to(b, from), from)
    }
    for (const from of [seven, far6, 'fd69::1', '2001:db8::1', 'fe80::7', '::']) {
      await traffic.isRefused('spoofed', 'covey-six', to(seven, from), from)
    }
    await world.sh('ip -n lan route replace 10.69.1.0/24 via 192.168.7.1')
    await traffic.comes('remote', 'covey-b', to(b, far), 'by the link')
    await traffic.isRefused('refused_mesh', 'lan', to(b, '203.0.113.9'), 'by the LAN')
    for (const from of [far, '10.69.0.2', a]) {
      await traffic.isRefused('spoofed', 'lan', to(b, from), `${from} by the LAN`)
    }
    await traffic.isRefused('spoofed', 'remote', to(b, a), "this host's container by the link")
  })

  test('a container that no element knows reaches nothing', async () => {
    const ingress = [{ from: '0.0.0.0/0' }]
    await world.apply(twoHosts({ ...forwards, p: policy('b', { ingress }) }))
    await world.sh(`
      ip netns add rogue
      ip link add cv-ffffffffffff type veth peer name eth0 netns rogue
      ip link set cv-ffffffffffff up; ip addr add 169.254.1.1/32 dev cv-ffffffffffff scope link
      ip route add 10.69.1.99 dev cv-ffffffffffff
      ip -n rogue addr add 10.69.1.99/32 dev eth0; ip -n rogue link set eth0 up
      ip -n rogue route add 169.254.1.1 dev eth0; ip -n rogue route add default via 169.254.1.1
    `)
    for (const to of [b, far, '10.69.0.1', '192.168.7.2', '169.254.1.1']) {
      await traffic.isRefused(
        'spoofed',
        'rogue',
        { from: '10.69.1.99', to, protocol: 'udp', port: 80 },
        to,
      )
    }
    const said = { to: '10.69.1.99', protocol: 'udp', port: 80 } as const
    await traffic.isRefused('refused_in', 'covey-a', { ...said, from: a })
    await traffic.isRefused('refused_in', 'remote', { ...said, from: far })
    await world.sh('ip netns del rogue; ip link del cv-ffffffffffff 2>/dev/null || true')
  })

  test('the mesh is never reached in the clear', async () => {
    const egress = [{ to: 'container:h2/far' }, { to: '203.0.113.0/24' }]
    const masquerade = { type: 'nftables_masquerade', network: 'cn' }
    const clear = 'ip route del 10.69.2.0/24; ip route add 10.69.2.0/24 dev lan0 via 192.168.7.2'
    const back = 'ip route del 10.69.2.0/24; ip route add 10.69.2.0/24 dev wg0 via 10.69.0.2'
    const said = { to: far, protocol: 'udp', port: 80 } as const
    await world.apply(twoHosts({ m: masquerade, p: policy('a', { egress }) }))
    await traffic.comes('covey-a', 'remote', { ...said, from: a })
    await world.sh(clear)
    await traffic.isRefused('refused_out', 'covey-a', { ...said, from: a }, 'named')
    await traffic.isRefused('refused_out', 'covey-b', { ...said, from: b }, 'masqueraded')
    await traffic.comes('covey-a', 'lan', { ...said, from: a, to: '203.0.113.9' })
    await world.sh(back)
    await traffic.comes('covey-a', 'remote', { ...said, from: a })
  })

  test('what another table takes from conntrack is closed', async () => {
    const ingress = [{ from: 'container:a' }]
    await world.apply(twoHosts({ ...forwards, p: policy('b', { ingress }) }))
    await world.sh(`
      nft add table inet other
      nft add chain inet other pre '{ type filter hook prerouting priority raw; }'
      nft add rule inet other pre udp dport 7777 notrack
    `)
    const said = { from: a, to: b, protocol: 'udp' } as const
    await traffic.isRefused('refused_out', 'covey-a', { ...said, port: 7777 })
    await traffic.comes('covey-a', 'covey-b', { ...said, port: 7778 })
    await world.sh('nft delete table inet other')
  })
})
