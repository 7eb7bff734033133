import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { bootFile } from '../../../reconcilers/wireguard/guards.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { makeLink, modelText } from '../fake/model.ts'
import { openRealHost } from '../real/host.ts'
import { byHand } from './cases.ts'

const network = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
const six = { ...network, link_name: 'wg6', address: 'fd00:69::1/32', listen_port: 51821 }
const peer = { type: 'wireguard_peer', network: 'wg', allowed_ips: ['10.69.9.0/24'] }
const never = new AbortController().signal

function guards(host: FakeHost): readonly string[] {
  const lines = modelText(host.model).split('\n')
  return lines.flatMap((line) => /^route (\S+) unreachable .* metric/.exec(line)?.[1] ?? [])
}

const bootOf = (host: FakeHost): string | undefined => host.model.files.get(bootFile)

function bootLine(range: string): string {
  return `route replace unreachable ${range} proto 190 metric 4294967295\n`
}

const round = (host: FakeHost, section: object | Config): Promise<readonly string[]> =>
  reconcile(wireguard, configOf({ a: section }), 'a', host.ports)

describe('guards of the ranges of links (security requirement 11)', () => {
  it('come first of all, and go last of all', async () => {
    const host = createFakeHost()
    const made = await round(host, { wg: network, six })
    assert.deepEqual(made.slice(0, 3), [
      'route add unreachable fd00:69::/32 proto 190 metric 4294967295',
      'route add unreachable 10.69.0.0/16 proto 190 metric 4294967295',
      'record the ranges to guard at the next boot',
    ])
    assert.equal(bootOf(host), bootLine('10.69.0.0/16') + bootLine('fd00:69::/32'))
    assert.deepEqual((await round(host, { wg: network })).slice(0, 3), [
      'remove link wg6',
      'route del unreachable fd00:69::/32 proto 190 metric 4294967295',
      'record the ranges to guard at the next boot',
    ])
    assert.equal(bootOf(host), bootLine('10.69.0.0/16'))
    // Also behind what other reconcilers take down (loop/order.ts).
    const { spec } = wireguard.resolve(configOf({ a: {} }), 'a')
    const steps = wireguard.plan(spec, await wireguard.observe(spec, host.ports, never))
    const ends = steps.filter((each) => each.kind === 'guard' && each.takesDown === true)
    assert.equal(ends.length, 1)
    await round(host, {})
    assert.equal(modelText(host.model), '')
    assert.equal(bootOf(host), undefined)
  })

  it('cover the old range and the new one while a link moves', async () => {
    const host = createFakeHost()
    await round(host, { wg: network })
    const moved = { ...network, address: '10.70.0.1/16' }
    const steps = await round(host, { wg: moved })
    const at = (text: string): number => steps.findIndex((step) => step.includes(text))
    const readdressed = at('addr del 10.69.0.1/16')
    assert.ok(at('add unreachable 10.70.0.0/16') < readdressed)
    assert.ok(at('del unreachable 10.69.0.0/16') > readdressed)
    assert.deepEqual(guards(host), ['10.70.0.0/16'])
  })

  it('are there for a link that has no key', async () => {
    const host = createFakeHost([])
    await round(host, { wg: network })
    assert.deepEqual(guards(host), ['10.69.0.0/16'])
  })

  const untouchable: readonly (readonly [string, (host: FakeHost) => void])[] = [
    ['whose name is taken', ({ model }) => void model.links.set('wg0', makeLink('veth'))],
    [
      'that no tool can make',
      ({ model }) => {
        model.hasKernelWireguard = false
        model.broken.set('wireguard-go', new Error('not installed'))
      },
    ],
  ]
  for (const [says, happen] of untouchable) {
    it(`are there for a link ${says}`, async () => {
      const host = createFakeHost()
      happen(host)
      await round(host, { wg: network }).catch(() => undefined)
      assert.deepEqual(guards(host), ['10.69.0.0/16'])
      assert.equal(bootOf(host), bootLine('10.69.0.0/16'))
    })
  }

  it('stay where the link is down, missing or of a faulty object', async () => {
    const host = createFakeHost()
    await round(host, { wg: network })
    const hand = (args: string) => byHand(host.ports, { tool: 'ip', args: args.split(' ') })
    await hand('link set dev wg0 down')
    assert.deepEqual(guards(host), ['10.69.0.0/16'])
    await hand('link del dev wg0')
    assert.deepEqual(guards(host), ['10.69.0.0/16'])
    for (const faulty of [{ ...network, mtu: 7 }, { ...network, address: 'nowhere' }, 5]) {
      await round(host, { wg: faulty })
      assert.deepEqual(guards(host), ['10.69.0.0/16'])
      assert.equal(bootOf(host), bootLine('10.69.0.0/16'))
      assert.deepEqual(await round(host, { wg: faulty }), [])
    }
    // Of a peer that is faulty nothing of this sort can be left.
    await round(host, { p: { ...peer, network: 'gone' } })
    assert.deepEqual(guards(host), [])
  })

  it('are written down again when the file is changed or lost', async () => {
    for (const text of [undefined, '', 'route del unreachable 10.69.0.0/16\n']) {
      const host = createFakeHost()
      await round(host, { wg: network })
      if (text === undefined) host.model.files.delete(bootFile)
      else host.model.files.set(bootFile, text)
      assert.deepEqual(await round(host, { wg: network }), [
        'record the ranges to guard at the next boot',
      ])
      assert.equal(bootOf(host), bootLine('10.69.0.0/16'))
    }
  })

  it('hold no link back where the file cannot be written', async () => {
    const { spec } = wireguard.resolve(configOf({ a: { wg: network } }), 'a')
    const host = createFakeHost()
    const steps = wireguard.plan(spec, await wireguard.observe(spec, host.ports, never))
    const writes = steps.filter(({ kind }) => kind === 'boot')
    assert.deepEqual(
      writes.map(({ objects }) => objects),
      [[]],
    )
  })
})

describe('guards on a real host', () => {
  it('let nothing out by the default route, and stand behind every other route', async () => {
    const host = await openRealHost()
    try {
      const { ports } = host
      const hand = async (text: string): Promise<void> => {
        for (const line of text.split('\n')) {
          if (line !== '') await byHand(ports, { tool: 'ip', args: line.split(' ') })
        }
      }
      /** The link by which an address is reached, or `none`. */
      const way = async (address: string): Promise<string> => {
        const command = { tool: 'ip', args: ['route', 'get', address] }
        const { exitCode, stdout } = await ports.run(command, never)
        return exitCode === 0 ? (/ dev (\S+)/.exec(stdout)?.[1] ?? stdout) : 'none'
      }
      const ways = async (): Promise<string> =>
        [await way('10.69.5.5'), await way('10.69.7.5'), await way('fd00:69::5')].join(' ')
      await hand(`link add dev lan0 type bridge
link set dev lan0 up
addr add 198.18.7.2/24 dev lan0
addr add 2001:db8::2/64 dev lan0 nodad
route add default via 198.18.7.254
route add default via 2001:db8::1`)
      const section = { wg: network, six }
      const go = (): Promise<unknown> => reconcile(wireguard, configOf({ a: section }), 'a', ports)
      assert.equal(await ways(), 'lan0 lan0 lan0')
      await go()
      assert.equal(await ways(), 'wg0 wg0 wg6')
      await hand('link set dev wg0 down\nlink set dev wg6 down')
      assert.equal(await ways(), 'none none none')
      await go()
      assert.equal(await ways(), 'wg0 wg0 wg6')
      await hand('link del dev wg0\nlink del dev wg6')
      assert.equal(await ways(), 'none none none')
      // A network in which the host is at home, and a route that somebody else made.
      await hand('addr add 10.69.7.1/24 dev lan0')
      await hand('route add fd00:69::/32 dev lan0 metric 4294967294')
      assert.equal(await ways(), 'none lan0 lan0')
      await hand('route add 10.69.0.0/16 dev lan0 metric 4294967294')
      assert.equal(await ways(), 'lan0 lan0 lan0')
      // What the early unit does at boot, with a file that the agent wrote.
      const boot = (await ports.files.read(bootFile)) ?? ''
      for (const line of boot.trimEnd().split('\n')) await hand(line.replace('replace', 'del'))
      for (let run = 0; run < 2; run++) {
        await ports.files.withTemporary(boot, (path) =>
          byHand(ports, { tool: 'ip', args: ['-force', '-batch', path] }),
        )
      }
      await hand('route del 10.69.0.0/16 dev lan0\nroute del fd00:69::/32 dev lan0')
      assert.equal(await ways(), 'none lan0 none')
    } finally {
      await host.close()
    }
  })
})
