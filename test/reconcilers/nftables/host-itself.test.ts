import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { craft } from '../../packets/craft.ts'
import { type Said, Traffic } from './traffic.ts'
import { forwards, policy, twoHosts } from './two-hosts.ts'
import { World } from './world.ts'

const [a, b, far] = ['10.69.1.5', '10.69.1.6', '10.69.2.5']

suite('the host itself and its published ports', () => {
  let world: World
  let traffic: Traffic
  before(async () => {
    world = await World.open()
    traffic = new Traffic(world)
    await world.apply(twoHosts(forwards))
    await world.sh('ip -n lan route replace 10.69.0.0/16 via 192.168.7.1')
    // Counts what is let in to the host.
    await world.sh(`
      nft add table inet lab
      nft add chain inet lab in '{ type filter hook input priority 300; }'
      nft add rule inet lab in udp dport 9000-9099 counter
    `)
  })
  after(() => world?.close())

  const letIn = async (): Promise<number> =>
    Number(/packets (\d+)/.exec(await world.sh('nft list chain inet lab in'))?.[1])

  const isLetIn = async (from: string, said: Said): Promise<void> => {
    const before = await letIn()
    await traffic.send(from, said)
    const deadline = performance.now() + 20_000
    while ((await letIn()) === before) assert.ok(performance.now() < deadline, 'not let in')
  }

  const udp = (from: string, to: string, port: number): Said => ({
    from,
    to,
    protocol: 'udp',
    port,
    sourcePort: 5000,
  })

  test('containers reach nothing of it, by any address and way', async () => {
    await world.apply(twoHosts(forwards))
    const own = ['10.69.0.1', '192.168.7.1', '169.254.1.1']
    for (const to of own) {
      for (const protocol of ['tcp', 'udp', 'icmp'] as const) {
        const said = { from: a, to, protocol, port: 22 }
        await traffic.isRefused('refused_host', 'covey-a', said, `${to} ${protocol}`)
      }
    }
    for (const to of ['255.255.255.255', '224.0.0.1']) {
      await traffic.isRefused('refused_host', 'covey-a', udp(a, to, 67), to)
    }
    const six = 'fd69:0:0:1::5'
    await traffic.isRefused('refused_host', 'covey-six', udp(six, 'fd69::1', 9000))
  })

  test('a container cannot tell it that a tunnel has no room', async () => {
    const flow = udp('10.69.0.1', '10.69.0.2', 51820)
    await traffic.comes('host', 'remote', flow)
    const content = craft({ ...flow, id: 1 }).subarray(0, 28)
    const error = { protocol: 'icmp', type: [3, 4], content } as const
    const forged = { ...error, from: a, to: '10.69.0.1' }
    await traffic.isRefused('refused_host', 'covey-a', forged)
  })

  test("other hosts' containers reach what their policy names, and only that", async () => {
    const egress = [{ to: 'host:h1', ports: ['9001/udp'] }]
    await world.apply(twoHosts(forwards, { p: policy('far', { egress }) }))
    await isLetIn('remote', udp(far, '10.69.0.1', 9001))
    await traffic.isRefused('refused_host', 'remote', udp(far, '10.69.0.1', 9002))
    await traffic.isRefused('refused_host', 'remote', udp('10.69.2.6', '10.69.0.1', 9001))
    await isLetIn('remote', udp('10.69.0.2', '10.69.0.1', 9002))
    await world.apply(twoHosts(forwards))
    await traffic.isRefused('refused_host', 'remote', udp(far, '10.69.0.1', 9001))
  })

  test('a container that may ask one port of it may ask no other', async () => {
    const egress = [{ to: 'host:h1', ports: ['9001/udp'] }]
    await world.apply(twoHosts({ ...forwards, p: policy('a', { egress }) }))
    await isLetIn('covey-a', udp(a, '10.69.0.1', 9001))
    await isLetIn('covey-a', udp(a, '169.254.1.1', 9001))
    await traffic.isRefused('refused_host', 'covey-a', udp(a, '192.168.7.1', 9001))
    await traffic.isRefused('refused_host', 'covey-a', udp(a, '10.69.0.1', 9002))
    await traffic.isRefused('refused_host', 'covey-b', udp(b, '10.69.0.1', 9001))
  })

  const publish = {
    type: 'nftables_publish',
    container: 'b',
    protocol: 'udp',
    host_port: 8080,
    container_port: 80,
  }

  test('a port in the mesh is none for the LAN, by whatever address', async () => {
    await world.apply(twoHosts({ ...forwards, w: publish }))
    await traffic.comes('remote', 'covey-b', udp(far, '10.69.0.1', 8080))
    await traffic.comes('covey-a', 'covey-b', udp(a, '10.69.0.1', 8080))
    const asked = [
      await traffic.send('lan', udp('192.168.7.2', '10.69.0.1', 8080)),
      await traffic.send('lan', udp('192.168.7.2', '192.168.7.1', 8080)),
    ]
    await world.apply(twoHosts({ ...forwards, w: { ...publish, on: 'public' } }))
    await traffic.comes('lan', 'covey-b', udp('192.168.7.2', '192.168.7.1', 8080))
    const lan = udp('192.168.7.2', '10.69.0.1', 8080)
    await traffic.isRefused('refused_mesh', 'lan', lan, 'by an address of the mesh')
    const target = await world.wire('covey-b')
    for (const id of asked) assert.ok(!target.has(id))
  })

  test('a port leads to a container of IPv6 as well', async () => {
    const own = { ...publish, container: 'six' }
    await world.apply(twoHosts({ ...forwards, w: own }))
    await traffic.comes('remote', 'covey-six', udp('fd69:0:0:2::5', 'fd69::1', 8080))
    await traffic.comes('covey-seven', 'covey-six', udp('fd69:0:0:1::6', 'fd69::1', 8080))
    await traffic.comes('host', 'covey-six', udp('fd69::1', 'fd69::1', 8080))
    await world.apply(twoHosts(forwards))
    const flow = udp('fd69:0:0:2::5', 'fd69::1', 8080)
    await traffic.isRefused('refused_host', 'remote', flow, 'published no more')
  })

  test('while rules are replaced nothing forbidden passes, and the rest goes on', async () => {
    const ingress = (...ports: readonly string[]): unknown => [{ from: 'container:a', ports }]
    const rules = (...ports: readonly string[]): ReturnType<typeof twoHosts> =>
      twoHosts({ ...forwards, p: policy('b', { ingress: ingress(...ports) }) })
    await world.apply(rules('80/udp'))
    const target = await world.wire('covey-b')
    const sent = { allowed: [] as number[], forbidden: [] as number[] }
    let isOver = false
    const flood = async (): Promise<void> => {
      while (!isOver) {
        sent.allowed.push(await traffic.send('covey-a', udp(a, b, 80)))
        sent.forbidden.push(await traffic.send('covey-a', udp(a, b, 81)))
        sent.forbidden.push(await traffic.send('covey-a', { ...udp(a, b, 80), protocol: 'icmp' }))
        await new Promise((wake) => setTimeout(wake, 3))
      }
    }
    const flooding = flood()
    try {
      for (let turn = 0; turn < 6; turn++) {
        await world.applyFirewall(rules('80-90/tcp', '70-80/udp'))
        await world.applyFirewall(rules('80/udp', '82/udp'))
        // What is not remembered is replaced as a whole.
        await world.host.ports.files.remove('nftables.json')
        assert.match(
          String(await world.applyFirewall(rules('80/udp'))),
          /^write the firewall table/,
        )
      }
    } finally {
      isOver = true
    }
    await flooding
    // The last of them shows that all before it had their time.
    assert.ok(await target.arrives(await traffic.send('covey-a', udp(a, b, 80)), 20_000))
    for (const id of sent.forbidden) assert.ok(!target.has(id), `passed: ${id}`)
    // The kernel shows a new set of ranges an instant after the rules that look into it, so a
    // packet of just that instant is dropped; a flow goes on with its next one.
    const lost = sent.allowed.filter((id) => !target.has(id))
    assert.ok(lost.length <= sent.allowed.length / 20, `lost ${lost.length}`)
    assert.ok(sent.allowed.length > 50)
  })
})
