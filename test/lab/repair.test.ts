import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { hasApplied } from './agent-status.ts'
import { type Hosts, meshLink } from './config-hosts.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { until } from './waiting.ts'

/**
 * Makes a link, a route and a WireGuard link with a peer that are nobody's business but the
 * owner's.
 */
const ownThings = `
ip link add mine0 type veth peer name mine1
ip link set mine0 up
ip link set mine1 up
ip address add 192.0.2.1/28 dev mine0
ip route add 192.0.2.128/25 via 192.0.2.2 dev mine0
ip link add minewg type wireguard 2>/dev/null || wireguard-go minewg >/dev/null 2>&1
wg genkey >/run/mine.key
wg set minewg listen-port 40000 private-key /run/mine.key \
  peer "$(wg genkey | wg pubkey)" allowed-ips 192.0.2.16/28
ip address add 192.0.2.17/28 dev minewg
ip link set minewg up
`

/** Everything about the things above that covey could have changed. */
const lookAtOwnThings = `
ip -oneline link show dev mine0 | grep -o '^[^<]*\\|mtu [0-9]*\\|state [A-Z]*'
ip -oneline address show dev mine0
ip route show dev mine0
ip route show dev minewg
ip -oneline address show dev minewg
wg show minewg dump
`

describe('repairing', () => {
  let lab: Lab
  let hosts: Hosts
  let cloud01: VirtualHost
  let cloud02: VirtualHost
  let link: string

  const reaches = async (from: VirtualHost, to: VirtualHost): Promise<boolean> => {
    const { address } = meshLink(hosts, to.name)
    return (await from.exec('ping', ['-c', '1', '-W', '2', address])).exitCode === 0
  }
  const release = async (next: Hosts): Promise<void> => {
    const version = await lab.operator.release(next, cloud02)
    for (const host of [cloud01, cloud02]) {
      await host.waitFor(`has applied version ${version}`, (status) => hasApplied(status, version))
    }
  }

  before(async () => {
    lab = await createLab()
    cloud01 = await lab.host('cloud01')
    cloud02 = await lab.host('cloud02')
    await cloud01.must('sh', ['-euc', ownThings])
    await lab.enrolAll()
    hosts = await lab.operator.hosts()
    link = meshLink(hosts, 'cloud01').link
    await until('the tunnel is up', () => reaches(cloud01, cloud02))
  })
  after(() => lab.close())

  it('makes a link again that somebody has deleted', async () => {
    await cloud01.must('ip', ['link', 'del', link])
    await until('the tunnel is up again', () => reaches(cloud02, cloud01))
    await cloud01.waitFor('is in sync', ({ state }) => state === 'in-sync')
  })

  it('gives a link its peers back', async () => {
    const peers = (): Promise<string> => cloud01.must('wg', ['show', link, 'peers'])
    const peer = (await peers()).trim()
    assert.match(peer, /^[A-Za-z0-9+/]{43}=$/)
    await cloud01.must('wg', ['set', link, 'peer', peer, 'remove'])
    await until('the peer is back', async () => (await peers()).trim() === peer)
    await until('the tunnel is up again', () => reaches(cloud02, cloud01))
  })

  it('gives a link its address, its routes and its state back', async () => {
    const { address } = meshLink(hosts, 'cloud01')
    await cloud01.must('ip', ['address', 'flush', 'dev', link])
    await until('the address is back', async () =>
      (await cloud01.must('ip', ['address', 'show', 'dev', link])).includes(`${address}/`),
    )
    await until('the tunnel is up again', () => reaches(cloud02, cloud01))
    const routes = (): Promise<string> => cloud01.must('ip', ['route', 'show', 'dev', link])
    const before = await routes()
    assert.match(before, /10\.69\..* proto 190/)
    await cloud01.whileAgentWaits(async () => {
      await cloud01.must('ip', ['route', 'flush', 'dev', link, 'proto', '190'])
      assert.notEqual(await routes(), before)
    })
    await until('the routes are back', async () => (await routes()) === before)
    await cloud01.must('ip', ['link', 'set', link, 'down'])
    await until('the tunnel is up again', () => reaches(cloud02, cloud01))
  })

  it('never touches a link or a route that covey did not make', async () => {
    const look = (): Promise<string> => cloud01.must('sh', ['-euc', lookAtOwnThings])
    const before = await look()
    assert.match(before, /192\.0\.2\.128\/25 via 192\.0\.2\.2/)
    await cloud01.must('ip', ['route', 'add', '192.0.2.64/28', 'dev', link])
    await cloud01.stopAgent()
    await cloud01.startAgent()
    await release(hosts)
    await cloud01.must('sh', ['-c', `ip route del 192.0.2.64/28 dev ${link}`])
    assert.equal(await look(), before)
  })

  it("fails the object whose link name is taken by another's link, and only that", async () => {
    const taken = structuredClone(hosts)
    const own = taken['cloud01'] ?? assert.fail('no cloud01')
    own['second'] = {
      type: 'wireguard_network',
      link_name: 'mine0',
      address: '10.70.0.1/16',
      listen_port: 51999,
    }
    const look = (): Promise<string> => cloud01.must('sh', ['-euc', lookAtOwnThings])
    const before = await look()
    const version = await lab.operator.release(taken, cloud02)
    const status = await cloud01.waitFor('has tried it', ({ head, objects }) => {
      const second = objects.find(({ name }) => name === 'second')
      return head?.version === version && second?.state === 'failed'
    })
    const second = status.objects.find(({ name }) => name === 'second')
    assert.match(second?.reason ?? '', /not covey's link/)
    const others = status.objects.filter(({ name }) => name !== 'second')
    assert.deepEqual(new Set(others.map(({ state }) => state)), new Set(['converged']))
    assert.equal(await look(), before)
    assert.ok(await reaches(cloud02, cloud01))
    await release(hosts)
  })

  it('takes down what a config no longer holds, and nothing else', async () => {
    const more = structuredClone(hosts)
    const own = more['cloud01'] ?? assert.fail('no cloud01')
    own['second'] = {
      type: 'wireguard_network',
      link_name: 'second0',
      address: '10.70.0.1/16',
      listen_port: 51999,
    }
    const exists = async (): Promise<boolean> =>
      (await cloud01.exec('ip', ['link', 'show', 'dev', 'second0'])).exitCode === 0
    await release(more)
    await until('the second link is there', exists)
    await release(hosts)
    await until('the second link is gone', async () => !(await exists()))
    assert.ok(await reaches(cloud02, cloud01))
    assert.match(await cloud01.must('ip', ['-brief', 'link']), /minewg/)
  })
})
