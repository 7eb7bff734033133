import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, it } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { namespaceName, vethName } from '../../../reconcilers/container-network/names.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { until } from '../../lab/waiting.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { fakeNamespaces } from '../fake/containers.ts'
import type { RealHost } from '../real/host.ts'
import { openRealHost } from '../real/host.ts'
import { byHand } from '../wireguard/cases.ts'
import { container, ip, sections } from './cases.ts'
import { execOn, openNetworkHost } from './real-host.ts'

/** Resolves to true if one answer comes to a ping from a container, or from the host itself. */
async function reaches(host: RealHost, from: string | null, to: string): Promise<boolean> {
  const { exitCode } = await execOn(host, from, ['ping', '-n', '-c', '1', '-W', '2', to])
  return exitCode === 0
}

async function assertReaches(
  host: RealHost,
  ways: readonly (readonly [string | null, string])[],
): Promise<void> {
  for (const [from, to] of ways) {
    assert.ok(await reaches(host, from, to), `${from ?? 'the host'} reaches ${to}`)
  }
}

describe('containers of one host', () => {
  it('reach the gateway, each other and the host, and the host reaches them', async () => {
    const host = await openNetworkHost()
    try {
      const section = { ...sections.more, api6: container('cn6', 'fd00:69:1::6') }
      await reconcile(containerNetwork, configOf({ a: section }), 'a', host.ports)
      await assertReaches(host, [
        ['web', '169.254.1.1'],
        ['web', '10.69.1.6'],
        ['web', '10.69.0.1'],
        ['web', '192.168.77.9'],
        ['cache', '10.69.1.5'],
        ['web6', 'fe80::1%eth0'],
        ['web6', 'fd00:69:1::6'],
        ['web6', 'fd00:69::1'],
        [null, '10.69.1.5'],
        [null, '192.168.77.9'],
        [null, 'fd00:69:1::5'],
      ])
    } finally {
      await host.close()
    }
  })

  it('get an answer at once where nobody has the address', async () => {
    const host = await openNetworkHost()
    try {
      await reconcile(containerNetwork, configOf({ a: sections.first }), 'a', host.ports)
      for (const [from, to] of [
        ['web', '10.69.1.99'],
        ['web6', 'fd00:69:1::99'],
      ] as const) {
        const { exitCode, stdout } = await execOn(host, from, ['ping', '-n', '-c', '1', to])
        assert.equal(exitCode, 1)
        assert.match(stdout, /unreachable|no route/i)
      }
    } finally {
      await host.close()
    }
  })

  it('keep their address and their namespace while their link is mended', async () => {
    const host = await openNetworkHost()
    const config = configOf({ a: sections.first })
    try {
      await reconcile(containerNetwork, config, 'a', host.ports)
      const namespace = ['readlink', '/proc/self/ns/net']
      const before = (await execOn(host, 'web', namespace)).stdout
      await byHand(host.ports, ip(`link del dev ${vethName('web')}`))
      assert.equal(await reaches(host, 'web', '10.69.1.6'), false)
      await reconcile(containerNetwork, config, 'a', host.ports)
      await assertReaches(host, [['web', '10.69.1.6']])
      assert.equal((await execOn(host, 'web', namespace)).stdout, before)
    } finally {
      await host.close()
    }
  })

  it('get another namespace where the one that they run in has lost its name', async () => {
    const host = await openNetworkHost()
    const config = configOf({ a: sections.first })
    await reconcile(containerNetwork, config, 'a', host.ports)
    const inside = [
      'nsenter',
      `--net=/run/netns/${namespaceName('web', fakeNamespaces)}`,
      '--',
      'sleep',
      'infinity',
    ]
    const [file = '', ...args] = [...host.launcher, ...inside]
    const holder = spawn(file, args, { stdio: 'ignore' })
    try {
      const own = ['readlink', `/proc/${holder.pid}/ns/net`]
      const named = ['readlink', '/proc/self/ns/net']
      const before = (await execOn(host, 'web', named)).stdout
      const isInside = async () => (await execOn(host, null, own)).stdout === before
      await until('the process is in its namespace', isInside)
      await byHand(host.ports, ip(`netns del ${namespaceName('web', fakeNamespaces)}`))
      await reconcile(containerNetwork, config, 'a', host.ports)
      await assertReaches(host, [['web', '10.69.1.6']])
      assert.notEqual((await execOn(host, 'web', named)).stdout, before)
      assert.equal((await execOn(host, null, own)).stdout, before)
    } finally {
      holder.kill('SIGKILL')
      await host.close()
    }
  })

  it('send nothing from an address that is not theirs, and advertise nothing', async () => {
    const host = await openNetworkHost()
    try {
      await reconcile(containerNetwork, configOf({ a: sections.first }), 'a', host.ports)
      const add = `-n ${namespaceName('web', fakeNamespaces)} addr add 10.69.1.77/32 dev eth0`
      await byHand(host.ports, ip(add))
      const ping = ['ping', '-n', '-c', '1', '-W', '1', '-I', '10.69.1.77', '10.69.0.1']
      assert.equal((await execOn(host, 'web', ping)).exitCode, 1)
      const links = [vethName('web'), vethName('web6')]
      const settings = [`${links[0]}/disable_ipv6`, `${links[1]}/accept_ra`]
      const args = ['-n', ...settings.map((each) => `net/ipv6/conf/${each}`)]
      const { stdout } = await execOn(host, null, ['sysctl', ...args])
      assert.equal(stdout, '1\n0\n')
    } finally {
      await host.close()
    }
  })
})

/** A cluster's range, as the start of its addresses and the lengths of networks in it. */
interface Range {
  readonly link: (host: number) => string
  readonly subnet: (host: number) => string
  readonly box: (host: number) => string
  /** Length of one host's addresses. */
  readonly whole: number
}

const ranges: Readonly<Record<'IPv4' | 'IPv6', Range>> = {
  IPv4: {
    link: (host) => `10.69.0.${host}/16`,
    subnet: (host) => `10.69.${host}.0/24`,
    box: (host) => `10.69.${host}.5`,
    whole: 32,
  },
  IPv6: {
    link: (host) => `fd69::${host}/32`,
    subnet: (host) => `fd69:0:${host}::/48`,
    box: (host) => `fd69:0:${host}::5`,
    whole: 128,
  },
}

function addressOn(range: Range, host: number): string {
  return range.link(host).replace(/\/.*/, '')
}

/** Two hosts, joined by a cable, with a tunnel between them and containers on either side. */
function pairConfig(a: RealHost, b: RealHost, range: Range): Config {
  const side = (at: 1 | 2, host: RealHost): object => ({
    wg: {
      type: 'wireguard_network',
      link_name: `wg_net${at}`,
      address: range.link(at),
      public_key: host.keys[0]?.publicKey,
      endpoint: `192.0.2.${at}:51820`,
    },
    cn: { type: 'container_network', network: 'wg', subnet: range.subnet(at) },
    web: container('cn', range.box(at)),
  })
  const mesh = { type: 'wireguard_mesh', network: 'wg' }
  const allowed = [`${addressOn(range, 1)}/${range.whole}`, range.subnet(1)]
  const peer = { type: 'wireguard_peer', network: 'wg', host: 'a', allowed_ips: allowed }
  return configOf({ a: { ...side(1, a), mesh }, b: { ...side(2, b), peer } })
}

async function cable(a: RealHost, b: RealHost): Promise<void> {
  const [target] = b.launcher.flatMap((each) => /^--target=(\d+)$/.exec(each)?.[1] ?? [])
  const peer = `peer name cable netns ${target}`
  await byHand(a.ports, ip(`link add dev cable type veth ${peer}`))
  for (const [at, { ports }] of [a, b].entries()) {
    await byHand(ports, ip(`addr add 192.0.2.${at + 1}/24 dev cable`))
    await byHand(ports, ip('link set dev cable up'))
  }
}

describe('containers of two hosts', () => {
  for (const [family, range] of Object.entries(ranges)) {
    it(`reach each other through WireGuard with ${family}, by mesh or by peer`, async () => {
      const a = await openRealHost()
      const b = await openRealHost()
      try {
        await cable(a, b)
        await assertPair(a, b, range)
      } finally {
        await Promise.all([a.close(), b.close()])
      }
    })
  }
})

async function assertPair(a: RealHost, b: RealHost, range: Range): Promise<void> {
  const config = pairConfig(a, b, range)
  for (const [name, { ports }] of Object.entries({ a, b })) {
    await reconcile(wireguard, config, name, ports)
    await reconcile(containerNetwork, config, name, ports)
    assert.deepEqual(await reconcile(wireguard, config, name, ports), [])
  }
  await assertReaches(a, [
    ['web', range.box(2)],
    ['web', addressOn(range, 2)],
    [null, range.box(2)],
  ])
  await assertReaches(b, [
    ['web', range.box(1)],
    [null, range.box(1)],
  ])
  // The largest packet of the tunnel fits, whole: 1420 less the headers of IP and ICMP.
  const size = range.whole === 32 ? 1420 - 20 - 8 : 1420 - 40 - 8
  const ping = ['ping', '-n', '-c', '1', '-W', '2', '-M', 'do', '-s', String(size), range.box(2)]
  assert.equal((await execOn(a, 'web', ping)).exitCode, 0)
}
