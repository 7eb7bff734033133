import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { configOf } from '../configs.ts'
import { type Said, Traffic } from './traffic.ts'
import { World } from './world.ts'

/** The fate of one packet is known within milliseconds. */
const decideMsMax = 8_000
const [own, peer, stranger, near] = ['10.69.0.1', '10.69.0.2', '10.69.0.9', '192.168.7.2']
const [own6, peer6, stranger6, near6] = ['fd69::1', 'fd69::2', 'fd69::9', 'fd77::2']

/** Hosts of a mesh and nothing else, as a layout makes them; the overlay is in one family. */
function meshOnly(network: 'wg' | 'wg6'): Config {
  const host = (number: number, letter: string): Record<string, unknown> => {
    const link = { type: 'wireguard_network', public_key: `${letter.repeat(42)}A=` }
    const peerId = `12D3KooW${letter.repeat(44)}`
    return {
      wg: { ...link, link_name: 'wg0', address: `10.69.0.${number}/16` },
      wg6: { ...link, link_name: 'wg6', address: `fd69::${number}/48`, listen_port: 51821 },
      mesh: { type: 'wireguard_mesh', network: 'wg' },
      mesh6: { type: 'wireguard_mesh', network: 'wg6' },
      agent: { type: 'agent', peer_id: peerId, network },
    }
  }
  return configOf({ h1: host(1, 'A'), h2: host(2, 'B') })
}

suite('a host of the mesh without containers', () => {
  let world: World
  let traffic: Traffic
  before(async () => {
    world = await World.open()
    traffic = new Traffic(world)
    await world.sh(`
      ip -6 addr add fd77::1/64 dev lan0 nodad
      ip -n lan -6 addr add fd77::2/64 dev eth0 nodad
      ip -n lan route replace 10.69.0.0/16 via 192.168.7.1
      ip -n lan -6 route replace fd69::/48 via fd77::1
    `)
    await world.apply(meshOnly('wg'))
  })
  after(() => world?.close())

  const says = (from: string, to: string, more: Partial<Said> = {}): Said => ({
    ...{ from, to, protocol: 'tcp', port: 4069 },
    ...more,
  })

  /** It is dropped and counted, and has not come to the host. */
  const isDropped = async (counter: string, from: string, said: Said): Promise<void> => {
    const counted = await traffic.countOf(counter)
    await traffic.send(from, said)
    const deadline = performance.now() + decideMsMax
    while ((await traffic.countOf(counter)) === counted) {
      assert.ok(performance.now() < deadline, `${counter} counts nothing: ${JSON.stringify(said)}`)
    }
  }

  /** Counts what comes through all of covey's chains to the host itself. */
  const comesIn = async (from: string, said: Said): Promise<void> => {
    const family = said.to.includes(':') ? 'ip6' : 'ip'
    await world.sh(`
      nft add table inet lab
      nft add chain inet lab in '{ type filter hook input priority 300; }'
      nft add rule inet lab in ${family} saddr ${said.from} ${family} daddr ${said.to} counter
    `)
    await traffic.send(from, said)
    const deadline = performance.now() + decideMsMax
    const count = async (): Promise<number> =>
      Number(/packets (\d+)/.exec(await world.sh('nft list chain inet lab in'))?.[1])
    while ((await count()) === 0) {
      assert.ok(performance.now() < deadline, `never came in: ${JSON.stringify(said)}`)
    }
    await world.sh('nft delete table inet lab')
  }

  for (const [family, self, neighbour] of [
    [4, own, near],
    [6, own6, near6],
  ] as const) {
    test(`nothing of it is asked by the LAN at its mesh address (IPv${family})`, async () => {
      await isDropped('refused_mesh', 'lan', says(neighbour, self))
      await isDropped('refused_mesh', 'lan', says(neighbour, self, { port: 2222 }))
      await isDropped('refused_mesh', 'lan', says(neighbour, self, { protocol: 'udp', port: 53 }))
      await isDropped('refused_mesh', 'lan', says(neighbour, self, { protocol: 'icmp' }))
    })
  }

  test('it is asked at its other addresses, and by a way that people need to get in', async () => {
    await comesIn('lan', says(near, '192.168.7.1', { port: 2222 }))
    await comesIn('lan', says(near6, 'fd77::1', { port: 2222 }))
    await comesIn('lan', says(near, own, { port: 22 }))
    await comesIn('lan', says(near6, own6, { port: 22 }))
  })

  test('listed agents come to its overlay, by the mesh, and nobody else', async () => {
    await comesIn('remote', says(peer, own))
    await comesIn('remote', says(stranger, own, { port: 2222 }))
    await isDropped('refused_overlay', 'remote', says(stranger, own))
    await world.apply(meshOnly('wg6'))
    await comesIn('remote', says(peer6, own6))
    await isDropped('refused_overlay', 'remote', says(stranger6, own6))
    await world.apply(meshOnly('wg'))
  })

  test('nobody on the LAN sends as a host of the mesh, nor as itself', async () => {
    for (const [from, to] of [
      [peer, own],
      [peer, '192.168.7.1'],
      [peer6, own6],
      [peer6, 'fd77::1'],
      [own6, 'fd77::1'],
    ] as const) {
      await isDropped('spoofed', 'lan', says(from, to))
    }
  })

  test('what it asks on the LAN from its mesh address is answered', async () => {
    await world.probe('lan').ask('listen', near, 7000)
    await world.probe('lan').ask('listen', near6, 7000)
    const host = world.probe('host')
    for (const kind of ['tcp', 'udp'] as const) {
      assert.ok(await host.ask(kind, near, 7000, decideMsMax, own), `${kind}, IPv4`)
      assert.ok(await host.ask(kind, near6, 7000, decideMsMax, own6), `${kind}, IPv6`)
    }
  })

  test('what is neither its own nor of containers is forwarded as it was', async () => {
    await world.sh(
      'sysctl -qw net.ipv4.ip_forward=1; ip -n remote route replace 203.0.113.0/24 via 10.69.0.1',
    )
    await traffic.comes('remote', 'lan', says(peer, '203.0.113.9', { protocol: 'udp' }))
    await traffic.comes('lan', 'remote', says('203.0.113.9', peer, { protocol: 'udp' }))
  })
})
