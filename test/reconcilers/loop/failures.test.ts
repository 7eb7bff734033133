import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryMsMax, roundMs } from '../../../reconcilers/limits.ts'
import { configOf } from '../configs.ts'
import { settle } from '../fake/clock.ts'
import { createFakeHost } from '../fake/host.ts'
import { failed, makeLink, modelText } from '../fake/model.ts'
import { drive } from './driver.ts'

const network = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
const key = (letter: string): string => `${letter.repeat(42)}A=`
const peer = (letter: string, range: string): object => ({
  type: 'wireguard_peer',
  network: 'wg',
  allowed_ips: [range],
  public_key: key(letter),
})

describe('failures in the loop', () => {
  it('O15: one object that fails holds back only what refers to it', async () => {
    const driven = drive()
    driven.host.model.links.set('wg1', makeLink('tun'))
    const theirs = { ...network, link_name: 'wg1', address: '10.70.0.1/16', listen_port: 51821 }
    const onTheirs = { ...peer('B', '10.70.1.0/24'), network: 'other' }
    driven.adopt(
      configOf({
        cloud01: { wg: network, p: peer('A', '10.69.1.0/24'), other: theirs, q: onTheirs },
      }),
    )
    await driven.host.clock.advance(roundMs * 3)
    assert.deepEqual(driven.states(), [
      'wg: converged',
      'p: converged',
      "other: failed: not covey's link",
      'q: pending: waits for other',
    ])
    assert.match(modelText(driven.host.model), /^link wg1 tun down mtu 1420 alias null$/m)
    driven.host.model.links.delete('wg1')
    await driven.host.clock.advance(roundMs)
    assert.deepEqual(driven.states(), [
      'wg: converged',
      'p: converged',
      'other: converged',
      'q: converged',
    ])
    await driven.loop.stop()
  })

  it("a route of someone else's fails its peer only, and stays", async () => {
    const driven = drive()
    const { model } = driven.host
    model.links.set('eth0', { ...makeLink('veth'), up: true })
    const range = { family: 4 as const, bits: 0x0a450100n, length: 24 }
    model.routes.push({ destination: range, link: 'eth0', protocol: 4 })
    const objects = { p: peer('A', '10.69.1.0/24'), q: peer('B', '10.69.2.0/24') }
    driven.adopt(configOf({ cloud01: { wg: network, ...objects } }))
    await driven.host.clock.advance(roundMs * 3)
    assert.deepEqual(driven.states(), [
      'wg: converged',
      'p: failed: route add 10.69.1.0/24 dev wg0 proto 190: RTNETLINK answers: File exists',
      'q: converged',
    ])
    assert.match(modelText(model), /^route 10.69.1.0\/24 dev eth0 proto 4$/m)
    await driven.loop.stop()
  })

  it('tries again after longer and longer times, and recovers', async () => {
    const driven = drive()
    driven.host.model.broken.set('wg syncconf', failed('Unable to modify interface: busy'))
    driven.adopt(configOf({ cloud01: { wg: network } }))
    const tries = (): number =>
      driven.host.commands.filter((each) => each.startsWith('wg syncconf')).length
    await driven.host.clock.advance(60_000)
    assert.deepEqual(driven.states(), ['wg: failed: wg: Unable to modify interface: busy'])
    const inFirst = tries()
    assert.ok(inFirst >= 4 && inFirst <= 8, `${inFirst} tries in the first minute`)
    await driven.host.clock.advance(600_000)
    const later = tries() - inFirst
    assert.ok(later >= 7 && later <= 10, `${later} tries in ten minutes`)
    driven.host.model.broken.clear()
    await driven.host.clock.advance(retryMsMax * 1.25 + roundMs)
    assert.deepEqual(driven.states(), ['wg: converged'])
    await driven.loop.stop()
  })

  it('does not fight for ever with someone who changes things back', async () => {
    const host = createFakeHost()
    const run = host.ports.run
    const fought: typeof run = async (command, signal) => {
      const result = await run(command, signal)
      const link = host.model.links.get('wg0')
      if (link !== undefined) link.mtu = 1300
      return result
    }
    const driven = drive({ ports: { ...host.ports, run: fought } }, host)
    driven.adopt(configOf({ cloud01: { wg: network } }))
    await host.clock.advance(600_000)
    assert.deepEqual(driven.states(), ['wg: failed: does not stay as it was applied'])
    const tries = host.commands.filter((each) => each.startsWith('ip -force')).length
    assert.ok(tries < 25, `${tries} tries in ten minutes`)
    await driven.loop.stop()
  })

  it('O15: an object whose new form is faulty keeps its applied form', async () => {
    const driven = drive()
    const objects = { wg: network, p: peer('A', '10.69.1.0/24'), q: peer('B', '10.69.2.0/24') }
    driven.adopt(configOf({ cloud01: objects }))
    await settle()
    const before = modelText(driven.host.model)
    const faulty = [
      { ...objects, wg: { ...network, mtu: 'big' } },
      { ...objects, wg: 5 },
      { ...objects, p: { ...peer('A', '10.69.1.0/24'), extra: 1 } },
      { ...objects, p: { ...peer('A', '10.69.1.7/24') } },
    ]
    for (const section of faulty) {
      driven.adopt(configOf({ cloud01: section }))
      await settle()
      assert.equal(modelText(driven.host.model), before)
      assert.match(driven.states().join('\n'), /: failed: hosts\.cloud01\.(wg|p)/)
    }
    await driven.loop.stop()
  })

  it('a faulty peer goes all the same when its host leaves the config', async () => {
    const driven = drive()
    const there = { wg: { ...network, address: '10.69.0.2/16', public_key: key('B') } }
    const byHost = {
      type: 'wireguard_peer',
      network: 'wg',
      host: 'gone',
      allowed_ips: ['10.69.0.2/32'],
    }
    driven.adopt(configOf({ cloud01: { wg: network, p: byHost }, gone: there }))
    await settle()
    assert.match(modelText(driven.host.model), /^peer wg0 B/m)
    driven.adopt(configOf({ cloud01: { wg: network, p: byHost } }))
    await settle()
    assert.deepEqual(driven.states(), [
      'wg: converged',
      'p: failed: hosts.cloud01.p.host: no host gone in this config',
    ])
    assert.doesNotMatch(modelText(driven.host.model), /^peer wg0/m)
    await driven.loop.stop()
  })

  it('O15: judges types that others own, and names those that nobody knows', async () => {
    const id = `12D3KooW${'a'.repeat(44)}`
    const driven = drive({
      extraTypes: [],
    })
    driven.adopt(configOf({ cloud01: { it: { type: 'agent', peer_id: id, network: 'wg' } } }))
    await settle()
    assert.deepEqual(driven.states(), ['it: unsupported: this host knows no type agent'])
    await driven.loop.stop()
    const cases: readonly (readonly [object, string])[] = [
      [{ peer_id: id, network: 'wg' }, 'it: converged'],
      [
        { peer_id: id, network: 'no' },
        'it: failed: hosts.cloud01.it.network: no object no on this host',
      ],
      [
        { peer_id: 'x', network: 'wg' },
        'it: failed: hosts.cloud01.it.peer_id: must be the peer id of an Ed25519 key (12D3KooW…)',
      ],
      [
        { peer_id: id, network: 'it' },
        'it: failed: hosts.cloud01.it.network: must name a wireguard_network, but it is agent',
      ],
    ]
    for (const [fields, state] of cases) {
      const judged = drive()
      judged.adopt(configOf({ cloud01: { wg: network, it: { type: 'agent', ...fields } } }))
      await settle()
      assert.deepEqual(judged.states(), ['wg: converged', state])
      await judged.loop.stop()
    }
  })
})
