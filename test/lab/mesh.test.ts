import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { hasApplied } from './agent-status.ts'
import { type Hosts, meshLink } from './config-hosts.ts'
import { projectRoot, type VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import type { Running } from './running.ts'
import { until } from './waiting.ts'

const node = join(projectRoot, 'node_modules/.bin/node')
const names = ['cloud01', 'cloud02', 'cloud03', 'cloud04', 'home01'] as const

/** Numbers of the echo replies that a `ping` has printed, in their order. */
function replies(output: string): readonly number[] {
  return [...output.matchAll(/icmp_seq=(\d+) ttl=/g)].map(([, number]) => Number(number))
}

/** Ends a `ping`; every echo request but the one under way at the end must have been answered. */
async function assertNothingLost(ping: Running, atLeast: number): Promise<void> {
  const enough = (): boolean => replies(ping.output()).length >= atLeast
  await until(`${atLeast} replies`, enough)
  ping.signal('SIGINT')
  await ping.ended
  const seen = replies(ping.output())
  const sent = seen.at(-1) ?? 0
  const missing = Array.from({ length: sent }, (_, index) => index + 1).filter(
    (number) => !seen.includes(number),
  )
  assert.deepEqual(missing, [], `${missing.length} of ${sent} got lost\n${ping.output()}`)
}

describe('a mesh of five hosts, one of them behind a router', () => {
  let lab: Lab
  let hosts: Hosts
  let all: readonly VirtualHost[]
  let cloud01: VirtualHost
  let cloud02: VirtualHost
  let cloud03: VirtualHost
  let home01: VirtualHost

  const addressOf = (host: VirtualHost): string => meshLink(hosts, host.name).address
  const reaches = async (from: VirtualHost, to: VirtualHost): Promise<boolean> =>
    (await from.exec('ping', ['-c', '1', '-W', '2', addressOf(to)])).exitCode === 0
  const waitForVersion = async (version: number, on: readonly VirtualHost[]): Promise<void> => {
    const what = `has applied version ${version}`
    await Promise.all(on.map((host) => host.waitFor(what, (status) => hasApplied(status, version))))
  }
  const waitForTunnels = async (on: readonly VirtualHost[]): Promise<void> => {
    for (const from of on) {
      for (const to of on) {
        if (from === to) continue
        await until(`${from.name} reaches ${to.name}`, () => reaches(from, to))
      }
    }
  }

  before(async () => {
    lab = await createLab()
    for (const name of names) await lab.host(name, { nat: name === 'home01' })
    all = names.map((name) => lab.get(name))
    cloud01 = lab.get('cloud01')
    cloud02 = lab.get('cloud02')
    cloud03 = lab.get('cloud03')
    home01 = lab.get('home01')
    await lab.enrolAll()
    hosts = await lab.operator.hosts()
    await waitForVersion(1, all)
  })
  after(() => lab.close())

  it('connects every pair, the host without an endpoint as well', async () => {
    await waitForTunnels(all)
    for (const host of all) {
      await host.waitFor('is in sync and connected to all', ({ state, peers }) => {
        const connected = peers.filter((peer) => peer.connected)
        return state === 'in-sync' && connected.length === names.length - 1
      })
    }
  })

  for (const name of names) {
    it(`takes a config at ${name}, and all agree`, async () => {
      const version = await lab.operator.release(hosts, lab.get(name))
      await waitForVersion(version, all)
      const digests = await Promise.all(
        all.map(async (host) => (await host.status()).applied?.digest),
      )
      assert.equal(new Set(digests).size, 1)
      assert.match(digests[0] ?? '', /^sha256:[0-9a-f]{64}$/)
    })
  }

  it('knows of every host on every host', async () => {
    const version = (await cloud01.status()).head?.version ?? 0
    for (const host of all) {
      const knowsAll = await host.waitFor('knows what all have applied', (status) => {
        const applied = status.hosts.filter((each) => (each.applied?.version ?? 0) >= version)
        return applied.length === names.length
      })
      assert.deepEqual(knowsAll.alarms, [])
    }
  })

  it('loses no ping through the tunnel while an agent is restarted ten times', async () => {
    const pings = [cloud02, home01].map((host) =>
      host.spawn('ping', ['-n', '-i', '0.05', addressOf(cloud01)]),
    )
    for (const ping of pings) await until('replies', () => replies(ping.output()).length > 0)
    for (let round = 0; round < 10; round += 1) {
      await cloud01.stopAgent()
      await cloud01.startAgent()
    }
    await cloud01.waitFor('is in sync again', ({ state }) => state === 'in-sync')
    for (const ping of pings) await assertNothingLost(ping, 100)
  })

  it('takes an agent that was killed back, with the same head and the same link', async () => {
    const { link } = meshLink(hosts, 'cloud02')
    const index = await cloud02.must('cat', [`/sys/class/net/${link}/ifindex`])
    const before = await cloud02.status()
    const ping = cloud03.spawn('ping', ['-n', '-i', '0.05', addressOf(cloud02)])
    await until('replies', () => replies(ping.output()).length > 0)
    await cloud02.kill9()
    await cloud02.startAgent()
    const now = await cloud02.waitFor('is in sync again', ({ state }) => state === 'in-sync')
    assert.deepEqual(now.head, before.head)
    assert.equal(await cloud02.must('cat', [`/sys/class/net/${link}/ifindex`]), index)
    await assertNothingLost(ping, 20)
    await waitForVersion(await lab.operator.release(hosts, cloud02), all)
  })

  it('brings a host that was off for twenty versions up to date by itself', async () => {
    await cloud03.powerCut()
    let version = 0
    for (let round = 0; round < 20; round += 1) {
      version = await lab.operator.release(hosts, cloud01)
    }
    await waitForVersion(
      version,
      all.filter((host) => host !== cloud03),
    )
    await cloud03.boot()
    await cloud03.startAgent()
    await waitForVersion(version, [cloud03])
    await until('cloud01 reaches it again', () => reaches(cloud01, cloud03))
  })

  it('agrees again after a cut, with the higher version', async () => {
    const left = [cloud01, cloud02]
    const right = all.filter((host) => !left.includes(host))
    for (const a of left) for (const b of right) await lab.cut(a.name, b.name)
    const version = await lab.operator.release(hosts, cloud02)
    await waitForVersion(version, left)
    for (const host of right) {
      assert.equal((await host.status()).head?.version, version - 1, `${host.name} is cut off`)
    }
    await lab.heal()
    await waitForVersion(version, all)
    await waitForTunnels(all)
  })

  it('brings the host at home up to date after it alone was cut off', async () => {
    await lab.isolate('home01')
    const version = await lab.operator.release(hosts, cloud01)
    await waitForVersion(
      version,
      all.filter((host) => host !== home01),
    )
    assert.equal((await home01.status()).head?.version, version - 1)
    await lab.heal()
    await waitForVersion(version, [home01])
  })

  it('lets no peer in whose id is not listed, even from inside the tunnel', async () => {
    const { peers } = await cloud01.status()
    const target = peers.find(({ host }) => host === 'cloud02') ?? assert.fail('no cloud02')
    const port = Object.values(hosts['cloud02'] ?? {}).find(({ type }) => type === 'agent')?.[
      'port'
    ]
    const script = join(import.meta.dirname, 'stranger.ts')
    const place = [addressOf(cloud02), String(port ?? 4069), target.peer_id]

    const stranger = JSON.parse(await cloud01.must(node, [script, ...place]))
    assert.notEqual(stranger.verdict, 'up')
    const after = await cloud02.status()
    assert.ok(!after.peers.some(({ peer_id: id }) => id === stranger.peerId))

    // The same dial with a listed key gets in, so it was the key that was refused.
    await cloud01.stopAgent()
    const identity = '/var/lib/covey/identity.json'
    const member = JSON.parse(await cloud01.must(node, [script, ...place, identity]))
    assert.equal(member.verdict, 'up')
    await cloud01.startAgent()
    await cloud01.waitFor('is connected again', (status) =>
      status.peers.every(({ connected }) => connected),
    )
  })
})
