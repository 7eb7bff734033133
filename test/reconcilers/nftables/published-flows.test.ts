import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { craft } from '../../packets/craft.ts'
import { type Said, Traffic } from './traffic.ts'
import { forwards, policy, twoHosts } from './two-hosts.ts'
import { World } from './world.ts'

const [a, b, outside, near] = ['10.69.1.5', '10.69.1.6', '203.0.113.9', '192.168.7.2']
const [far, far6] = ['10.69.2.5', 'fd69:0:0:2::5']

suite('flows that began before a published port led where it leads', () => {
  let world: World
  let traffic: Traffic
  let port = 20_000
  before(async () => {
    world = await World.open()
    traffic = new Traffic(world)
    await world.apply(twoHosts(forwards))
  })
  after(() => world?.close())

  const publish = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
    ...forwards,
    w: {
      type: 'nftables_publish',
      container: 'b',
      protocol: 'udp',
      host_port: 8080,
      container_port: 80,
      on: 'public',
      ...more,
    },
  })

  /** The packets of one sender: the same ports all the time. */
  const senderFrom = (from: string, to: string, protocol: 'udp' | 'tcp' = 'udp'): Said => {
    port += 1
    return { from, to, protocol, port: 8080, sourcePort: port }
  }

  /** Sends one that no published port leads on, and waits until the host has had it. */
  const isLedNowhere = async (from: string, said: Said): Promise<void> => {
    const targets = await Promise.all(['covey-a', 'covey-b', 'covey-c'].map((n) => world.wire(n)))
    const id = await traffic.send(from, said)
    // What comes after it by the same way has been judged after it.
    await traffic.comes(from, 'host', { ...said, port: 9999 })
    assert.ok(!targets.some((wire) => wire.has(id)), 'it was led to a container')
  }

  const senders: readonly (readonly [string, string, string, string])[] = [
    ['from outside', 'lan', outside, '192.168.7.1'],
    ['from the LAN', 'lan', near, '192.168.7.1'],
    ['from another host', 'remote', '10.69.0.2', '10.69.0.1'],
    ['from the host itself', 'host', '10.69.0.1', '10.69.0.1'],
  ]
  for (const protocol of ['udp', 'tcp'] as const) {
    for (const [what, from, source, target] of senders) {
      test(`a sender of ${protocol} ${what} follows its port`, async () => {
        const said = senderFrom(source, target, protocol)
        await world.apply(twoHosts(forwards))
        await isLedNowhere(from, said)
        await world.apply(twoHosts(publish({ protocol })))
        await traffic.comes(from, 'covey-b', said, 'after the publish')
        await world.apply(twoHosts(publish({ protocol, container: 'c' })))
        await traffic.comes(from, 'covey-c', said, 'after it moved')
        await world.apply(twoHosts(publish({ protocol, container: 'a', container_port: 81 })))
        await traffic.comes(from, 'covey-a', said, 'after it moved again')
        await world.apply(twoHosts(publish({ protocol })))
        await traffic.comes(from, 'covey-b', said, 'after it came back')
        await world.apply(twoHosts(forwards))
        await isLedNowhere(from, said)
      })
    }
  }

  test('a sender of IPv6 follows its port', async () => {
    const said = senderFrom('fd69::2', 'fd69::1')
    const six = (container: string): ReturnType<typeof twoHosts> =>
      twoHosts(publish({ container, on: 'network' }))
    await world.apply(twoHosts(forwards))
    await traffic.send('remote', said)
    await world.apply(six('six'))
    await traffic.comes('remote', 'covey-six', said, 'after the publish')
    await world.apply(six('seven'))
    await traffic.comes('remote', 'covey-seven', said, 'after it moved')
  })

  test("another host's container follows the port of its policy", async () => {
    const said = senderFrom(far, '10.69.0.1')
    await world.apply(twoHosts(publish({ on: 'network' })))
    await traffic.comes('remote', 'covey-b', said)
    await world.apply(twoHosts(publish({ on: 'network', container: 'c' })))
    await traffic.comes('remote', 'covey-c', said)
  })

  test('a sender whom a port was not for is led once it is', async () => {
    const said = senderFrom(outside, '192.168.7.1')
    await world.apply(twoHosts(publish({ on: 'lan' })))
    await isLedNowhere('lan', said)
    await world.apply(twoHosts(publish()))
    await traffic.comes('lan', 'covey-b', said)
    await world.apply(twoHosts(publish({ on: 'network' })))
    await isLedNowhere('lan', said)
  })

  test('a port that is opened wider leaves those who were led as they are', async () => {
    const said = senderFrom(near, '192.168.7.1')
    const entries = async (): Promise<string> =>
      (await world.sh('cat /proc/net/nf_conntrack'))
        .split('\n')
        .filter((line) => line.includes(`sport=${said.sourcePort} `))
        .map((line) => line.replace(/^(\S+ +){5}/, ''))
        .join('\n')
    await world.apply(twoHosts(publish({ on: 'lan' })))
    await traffic.comes('lan', 'covey-b', said)
    const before = await entries()
    await world.apply(twoHosts(publish()))
    await traffic.comes('lan', 'covey-b', said)
    assert.equal(await entries(), before)
  })

  test('errors about answers find the flow that was led', async () => {
    const quoteBytes = { 4: 28, 6: 48 }
    const cases = [
      { protocol: 'udp', asker: outside, way: 'lan', own: '192.168.7.1', name: 'b' },
      { protocol: 'tcp', asker: outside, way: 'lan', own: '192.168.7.1', name: 'b' },
      { protocol: 'udp', asker: 'fd69::2', way: 'remote', own: 'fd69::1', name: 'six' },
      { protocol: 'tcp', asker: 'fd69::2', way: 'remote', own: 'fd69::1', name: 'six' },
    ] as const
    // A connection that is refused at once is forgotten at once.
    await world.probe('covey-b').ask('listen', b, 80)
    await world.probe('covey-six').ask('listen', 'fd69:0:0:1::5', 80)
    for (const { protocol, asker, way, own, name } of cases) {
      const family = own.includes(':') ? 6 : 4
      const on = family === 6 ? 'network' : 'public'
      await world.apply(twoHosts(publish({ protocol, container: name, on })))
      const said = senderFrom(asker, own, protocol)
      await traffic.comes(way, `covey-${name}`, said)
      const answer = { ...said, from: own, to: asker, port: said.sourcePort ?? 0 }
      const content = craft({ ...answer, sourcePort: 8080, id: 1 }).subarray(0, quoteBytes[family])
      const type = family === 6 ? ([2, 0] as const) : ([3, 4] as const)
      const error = { from: asker, to: own, protocol: 'icmp', type, content } as const
      await traffic.comes(way, `covey-${name}`, error, `${protocol} of IPv${family}`)
    }
  })

  test('a sender to the outside is masqueraded once its network is', async () => {
    await world.sh('ip -n lan route replace 10.69.1.0/24 via 192.168.7.1')
    const said: Said = { ...senderFrom(a, outside), port: 53 }
    const sources = async (): Promise<string> =>
      await world.sh('nft list set inet lab seen | tr -d "\n"')
    await world.sh(`
      nft add table inet lab
      nft add set inet lab seen '{ type ipv4_addr; flags dynamic; size 16; }'
      nft add chain inet lab post '{ type filter hook postrouting priority 300; }'
      nft add rule inet lab post oifname lan0 udp dport 53 add @seen '{ ip saddr }'
    `)
    await world.apply(twoHosts({}))
    await traffic.comes('covey-a', 'lan', said, 'by its own address')
    await world.apply(twoHosts({ m: { type: 'nftables_masquerade', network: 'cn' } }))
    await world.sh('nft flush set inet lab seen')
    await traffic.comes('covey-a', 'lan', said, "by the host's")
    const wire = await sources()
    assert.ok(!wire.includes(a), wire)
    await world.sh('nft delete table inet lab')
  })

  test('a container that asks its own host is led as everyone', async () => {
    const said = senderFrom(a, '10.69.0.1')
    for (const m of [{}, { m: { type: 'nftables_masquerade', network: 'cn' } }]) {
      await world.apply(twoHosts({ ...publish({ on: 'network' }), ...m }))
      await traffic.comes('covey-a', 'covey-b', said)
      await world.apply(twoHosts({ ...publish({ on: 'network', container: 'c' }), ...m }))
      await traffic.comes('covey-a', 'covey-c', said, 'after it moved')
    }
    const open = { p: policy('b', { ingress: [{ from: `${far6}/128` }] }) }
    await world.apply(twoHosts({ ...forwards, ...open }))
    await traffic.isRefused('refused_host', 'covey-a', said, 'published no more')
  })
})
