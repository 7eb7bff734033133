import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { namespaceName, vethName } from '../../../reconcilers/container-network/names.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import type { RealHost } from '../real/host.ts'
import { openRealHost } from '../real/host.ts'
import { byHand } from '../wireguard/cases.ts'
import { container, ip, sections } from './cases.ts'
import { execOn, openNetworkHost } from './real-host.ts'

/** Whether one answer comes to a ping from a container, or from the host itself. */
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

  it('send nothing from an address that is not theirs, and advertise nothing', async () => {
    const host = await openNetworkHost()
    try {
      await reconcile(containerNetwork, configOf({ a: sections.first }), 'a', host.ports)
      const add = `-n ${namespaceName('web')} addr add 10.69.1.77/32 dev eth0`
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

/** Two hosts, joined by a cable, with a tunnel between them and containers on either side. */
function pairConfig(a: RealHost, b: RealHost): Config {
  const side = (at: 1 | 2, host: RealHost): object => ({
    wg: {
      type: 'wireguard_network',
      link_name: `wg_net${at}`,
      address: `10.69.0.${at}/16`,
      public_key: host.keys[0]?.publicKey,
      endpoint: `192.0.2.${at}:51820`,
    },
    cn: { type: 'container_network', network: 'wg', subnet: `10.69.${at}.0/24` },
    web: container('cn', `10.69.${at}.5`),
  })
  const mesh = { type: 'wireguard_mesh', network: 'wg' }
  const allowed = ['10.69.0.1/32', '10.69.1.0/24']
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
  it('reach each other through WireGuard, by a mesh or by a peer that names the host', async () => {
    const a = await openRealHost()
    const b = await openRealHost()
    try {
      await cable(a, b)
      const config = pairConfig(a, b)
      for (const [name, { ports }] of [
        ['a', a],
        ['b', b],
      ] as const) {
        await reconcile(wireguard, config, name, ports)
        await reconcile(containerNetwork, config, name, ports)
        assert.deepEqual(await reconcile(wireguard, config, name, ports), [])
      }
      await assertReaches(a, [
        ['web', '10.69.2.5'],
        ['web', '10.69.0.2'],
        [null, '10.69.2.5'],
      ])
      await assertReaches(b, [
        ['web', '10.69.1.5'],
        [null, '10.69.1.5'],
      ])
      // The largest packet of the tunnel fits, whole.
      const whole = ['ping', '-n', '-c', '1', '-W', '2', '-M', 'do', '-s', '1392', '10.69.2.5']
      assert.equal((await execOn(a, 'web', whole)).exitCode, 0)
    } finally {
      await Promise.all([a.close(), b.close()])
    }
  })
})
