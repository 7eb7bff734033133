import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { pokeGapMs, roundMs } from '../../../reconcilers/limits.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { configOf, ideaExample } from '../configs.ts'
import { settle } from '../fake/clock.ts'
import { createFakeHost } from '../fake/host.ts'
import { failed, makeLink, modelText } from '../fake/model.ts'
import { drive, headAt } from './driver.ts'

const network = { type: 'wireguard_network', link_name: 'wg_cluster', address: '10.69.0.1/16' }
const key = `${'A'.repeat(42)}A=`
const peer = {
  type: 'wireguard_peer',
  network: 'wg',
  allowed_ips: ['10.69.1.0/24'],
  public_key: key,
}

describe('the loop', () => {
  it('applies the example of the idea: the link is up, the peer waits for a key', async () => {
    const driven = drive()
    driven.adopt(ideaExample)
    await settle()
    assert.deepEqual(driven.states(), [
      'wg_network: converged',
      'peer_local01: pending: no public key',
    ])
    assert.deepEqual(driven.reports.at(-1)?.head, headAt(1))
    assert.equal(
      modelText(driven.host.model),
      [
        'link wg_cluster wireguard up mtu 1420 alias covey:wg_network 10.69.0.1/16',
        'route 10.69.0.0/16 unreachable proto 190 metric 4294967295',
      ].join('\n'),
    )
    await driven.loop.stop()
  })

  it('reports once for a config, then only what changes', async () => {
    const driven = drive()
    driven.adopt(ideaExample)
    await driven.host.clock.advance(roundMs * 10)
    assert.equal(driven.reports.length, 1)
    driven.adopt(ideaExample)
    await settle()
    assert.deepEqual(
      driven.reports.map(({ head }) => head.version),
      [1, 2],
    )
    await driven.loop.stop()
  })

  it('repairs what the kernel tells of at once', async () => {
    const driven = drive()
    driven.adopt(ideaExample)
    await driven.host.clock.advance(roundMs * 2)
    const before = modelText(driven.host.model)
    driven.host.model.links.delete('wg_cluster')
    driven.loop.poke('test')
    await driven.host.clock.advance(pokeGapMs)
    assert.equal(modelText(driven.host.model), before)
    await driven.loop.stop()
  })

  it('repairs what nobody tells of within a period', async () => {
    const driven = drive()
    driven.adopt(configOf({ cloud01: { wg: network, peer } }))
    await driven.host.clock.advance(roundMs * 2)
    driven.host.model.links.get('wg_cluster')?.device?.peers.delete(key)
    await driven.host.clock.advance(roundMs)
    assert.ok(driven.host.model.links.get('wg_cluster')?.device?.peers.has(key))
    await driven.loop.stop()
  })

  it('settles although its own changes poke it', async () => {
    const driven = drive()
    const { host, loop } = driven
    const run = host.ports.run
    const telling = {
      ...host.ports,
      run: async (...args: Parameters<typeof run>) => {
        if (args[0].args.includes('-force')) loop.poke('own change')
        return run(...args)
      },
    }
    const told = drive({ ports: telling }, host)
    told.adopt(ideaExample)
    await host.clock.advance(roundMs)
    const before = host.commands.length
    await host.clock.advance(roundMs * 10)
    assert.equal(host.commands.length - before, 10 * 2, 'two commands a period, only to look')
    await told.loop.stop()
    await loop.stop()
  })

  it('looks no more often than every gap, however much it is poked', async () => {
    const driven = drive()
    driven.adopt(ideaExample)
    await driven.host.clock.advance(roundMs)
    const before = driven.host.commands.length
    for (let at = 0; at < 1000; at++) {
      driven.loop.poke('noise')
      await driven.host.clock.advance(1)
    }
    assert.ok(driven.host.commands.length - before <= 2 * Math.ceil(1000 / pokeGapMs + 1))
    await driven.loop.stop()
  })

  it('O16: takes everything of its own down for an empty section', async () => {
    const driven = drive()
    driven.adopt(configOf({ cloud01: { wg: network, peer } }))
    await settle()
    driven.host.model.links.set('eth0', makeLink('veth'))
    driven.adopt(configOf({ cloud01: {} }))
    await settle()
    assert.match(modelText(driven.host.model), /^link eth0 [^\n]*$/)
    assert.deepEqual(driven.reports.at(-1)?.objects, [])
    await driven.loop.stop()
  })

  it('plans without applying', async () => {
    const driven = drive()
    assert.deepEqual(await driven.loop.plan(), [])
    driven.adopt(ideaExample)
    await settle()
    const before = modelText(driven.host.model)
    const steps = await driven.loop.plan(configOf({ cloud01: { wg: network, peer } }))
    assert.deepEqual(steps[0], {
      objects: ['wg'],
      text: 'name link wg_cluster covey:wg',
      reconciler: 'wireguard',
    })
    assert.equal(modelText(driven.host.model), before)
    assert.deepEqual(await driven.loop.plan(), [])
    await driven.loop.stop()
  })

  it('plans without noting what is new of containers', async () => {
    const host = createFakeHost()
    const { containers } = host.ports
    let noted = 0
    const notice = async (): Promise<readonly ContainerSeen[]> => {
      noted++
      return containers.look()
    }
    const ports = { ...host.ports, containers: { ...containers, notice } }
    const driven = drive({ reconcilers: [runc], ports }, host)
    driven.adopt(configOf({ cloud01: {} }))
    await settle()
    assert.ok(noted > 0)
    const before = noted
    await driven.loop.plan()
    assert.equal(noted, before)
    await driven.loop.stop()
  })

  it('ends at once, and does nothing after that', async () => {
    const driven = drive()
    driven.adopt(ideaExample)
    await driven.loop.stop()
    const { length } = driven.host.commands
    driven.adopt(ideaExample)
    driven.loop.poke('late')
    await driven.host.clock.advance(roundMs * 3)
    assert.equal(driven.host.commands.length, length)
  })

  it('leaves an older config for a newer one between two steps', async () => {
    const driven = drive()
    const { host } = driven
    driven.adopt(ideaExample)
    // The first command of the first round has been asked for, and nothing is applied yet.
    driven.adopt(configOf({ cloud01: {} }))
    await settle()
    assert.deepEqual(
      driven.reports.map(({ head }) => head.version),
      [2],
    )
    assert.equal(modelText(host.model), '')
    await driven.loop.stop()
  })

  it('fails what it cannot look at, and says why', async () => {
    const driven = drive()
    driven.host.model.broken.set('ip -json', failed('Cannot talk to rtnetlink'))
    driven.adopt(ideaExample)
    await settle()
    assert.deepEqual(driven.states(), [
      'wg_network: failed: Cannot talk to rtnetlink',
      'peer_local01: failed: Cannot talk to rtnetlink',
    ])
    driven.host.model.broken.clear()
    await driven.host.clock.advance(roundMs)
    assert.equal(driven.states()[0], 'wg_network: converged')
    await driven.loop.stop()
  })
})
