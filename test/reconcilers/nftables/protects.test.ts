import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { roundMs } from '../../../reconcilers/limits.ts'
import { agentType } from '../../../reconcilers/loop/extra-types.ts'
import { createNftables } from '../../../reconcilers/nftables/index.ts'
import { rescuePortsDefault } from '../../../reconcilers/nftables/resolve.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { configOf } from '../configs.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { failed } from '../fake/model.ts'
import { fakeTables } from '../fake/nft.ts'
import { type Driven, drive } from '../loop/driver.ts'

const container = (address: string): Record<string, unknown> => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network: 'cn',
  address,
})
const cn = { type: 'container_network', subnet: '10.69.1.0/24' }
const withContainers = (containers: Record<string, unknown>): Config =>
  configOf({ h1: { cn, ...containers } })

function driveAll(
  more: Parameters<typeof drive>[0] = {},
  host: FakeHost = createFakeHost(),
): Driven {
  const nftables = createNftables({ rescuePorts: rescuePortsDefault, changes: () => null })
  const runs = { type: 'runc_container', schema: containerSchema, references: [] }
  const reconcilers = [nftables, wireguard, containerNetwork]
  return drive({ reconcilers, extraTypes: [runs], ...more }, host)
}

const vethsOf = ({ host }: Driven): number =>
  [...host.model.links.keys()].filter((name) => name.startsWith('cv-')).length

suite('containers behind a firewall that fails', () => {
  for (const [name, command] of [
    ['cannot be read', 'nft -j'],
    ['cannot be made', 'nft -c'],
  ] as const) {
    test(`none has a network while the table ${name}`, async () => {
      const driven = driveAll()
      driven.host.model.broken.set(command, failed('Error: Operation not permitted'))
      if (command === 'nft -j') driven.host.model.broken.set('nft -c', failed('Error: not now'))
      driven.adopt(withContainers({ a: container('10.69.1.5') }), 'h1')
      await driven.host.clock.advance(roundMs * 3)
      assert.equal(vethsOf(driven), 0)
      assert.match(
        driven.states().join('\n'),
        /^a: failed: nft: (not now|Operation not permitted)$/m,
      )
      driven.host.model.broken.clear()
      await driven.host.clock.advance(600_000)
      assert.equal(vethsOf(driven), 1)
      assert.ok(fakeTables(driven.host.model).has('inet covey'))
      await driven.loop.stop()
    })
  }

  test('a mesh goes on without nft, and its hosts say that the LAN may reach them', async () => {
    const host = createFakeHost()
    const hint = 'on Debian: apt install nftables'
    const run: typeof host.ports.run = async (command, signal) => {
      if (command.tool !== 'nft') return await host.ports.run(command, signal)
      throw new CoveyError('tool-missing', 'nft is not installed', { hint })
    }
    const nftables = createNftables({ rescuePorts: rescuePortsDefault, changes: () => null })
    const more = { reconcilers: [nftables, wireguard], extraTypes: [agentType] }
    const driven = drive({ ...more, ports: { ...host.ports, run } }, host)
    const wg = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
    const agent = { type: 'agent', peer_id: `12D3KooW${'A'.repeat(44)}`, network: 'wg' }
    driven.adopt(configOf({ h1: { wg, agent } }), 'h1')
    await host.clock.advance(roundMs * 3)
    assert.ok(host.model.links.has('wg0'))
    const reason = `the LAN may reach this host's mesh addresses: nft is not installed (${hint})`
    assert.deepEqual(driven.states(), ['wg: converged', `agent: failed: ${reason}`])
    await driven.loop.stop()
  })

  test('a container that the rules do not know yet waits; one that they know goes on', async () => {
    const driven = driveAll()
    driven.adopt(withContainers({ a: container('10.69.1.5') }), 'h1')
    await driven.host.clock.advance(roundMs * 3)
    driven.host.model.broken.set('nft -f', failed('Error: not now'))
    const both = { a: container('10.69.1.5'), b: container('10.69.1.6') }
    driven.adopt(withContainers(both), 'h1')
    await driven.host.clock.advance(roundMs * 3)
    assert.equal(vethsOf(driven), 1)
    const states = driven.states().filter((state) => /^[ab]:/.test(state))
    assert.deepEqual(
      states.map((state) => state.slice(0, 9)),
      ['a: conver', 'b: failed'],
    )
    await driven.loop.stop()
  })

  test('an element that somebody takes away time and again is put back every time', async () => {
    const host = createFakeHost()
    const elements = (): Map<string, string | null> | undefined =>
      fakeTables(host.model).get('inet covey')?.sets.get('containers4')?.elements
    let writes = 0
    let isFought = true
    const run: typeof host.ports.run = async (command, signal) => {
      const result = await host.ports.run(command, signal)
      if (command.tool === 'nft' && command.args[0] === '-f') writes++
      if (isFought) elements()?.delete('10.69.1.5')
      return result
    }
    const driven = driveAll({ ports: { ...host.ports, run } }, host)
    const masquerade = { type: 'nftables_masquerade', network: 'cn' }
    driven.adopt(withContainers({ a: container('10.69.1.5'), masquerade }), 'h1')
    await host.clock.advance(roundMs * 60)
    assert.ok(writes > 60, `${writes} times in sixty rounds`)
    assert.match(driven.states().join('\n'), /^masquerade: failed: does not stay as it was/m)
    isFought = false
    await host.clock.advance(roundMs * 12)
    assert.ok(elements()?.has('10.69.1.5'))
    assert.ok(driven.states().includes('masquerade: converged'))
    await driven.loop.stop()
  })

  test('the table goes after the last link of a container, not before', async () => {
    const driven = driveAll()
    driven.adopt(withContainers({ a: container('10.69.1.5') }), 'h1')
    await driven.host.clock.advance(roundMs * 3)
    driven.adopt(configOf({ h1: {} }), 'h1')
    const isThere = (): boolean => fakeTables(driven.host.model).has('inet covey')
    for (let step = 0; vethsOf(driven) > 0; step++) {
      assert.ok(isThere() && step < 10_000)
      await driven.host.clock.advance(10)
    }
    await driven.host.clock.advance(roundMs * 3)
    assert.ok(!isThere())
    await driven.loop.stop()
  })
})
