import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Check, examine } from '../../../agent/doctor/doctor.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import type { CommandResult } from '../../../reconcilers/host-ports.ts'
import { configOf } from '../../reconcilers/configs.ts'
import { twoHosts } from '../../reconcilers/nftables/two-hosts.ts'

const listing = (...objects: readonly object[]): CommandResult => ({
  exitCode: 0,
  stdout: JSON.stringify({ nftables: objects }),
  stderr: '',
})

/** Beside covey's own table, which every host of the mesh has. */
const listed = (...objects: readonly object[]): CommandResult =>
  listing({ table: { family: 'inet', name: 'covey' } }, ...objects)

/** The doctor's checks of firewalls on a host whose `nft` answers so. */
async function checks(
  answer: CommandResult | Error,
  config: Config | null = twoHosts({}),
): Promise<readonly Check[]> {
  const found = await examine({
    host: 'h1',
    adopted: () => config,
    run: async () => {
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  return found.filter(({ message }) => !message.includes('legacy'))
}

/** A host with a place in the overlay, and nothing else. */
function meshOnly(): Config {
  const wg = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
  const agent = { type: 'agent', peer_id: `12D3KooW${'A'.repeat(44)}`, network: 'wg' }
  return configOf({ h1: { wg, agent } })
}

const firewalls = (found: readonly Check[]): readonly string[] =>
  found
    .filter(({ name }) => name === 'firewalls')
    .map(({ state, message }) => `${state}: ${message}`)

const chain = (
  policy: string,
  rule: object,
  family: string = 'ip',
  hook: string = 'forward',
): readonly object[] => [
  { table: { family, name: 'filter' } },
  { chain: { family, table: 'filter', name: 'FORWARD', hook, prio: 0, policy } },
  { rule: { family, table: 'filter', chain: 'FORWARD', expr: [rule] } },
]

suite('covey doctor', () => {
  test('finds nothing where there is nothing', async () => {
    assert.deepEqual(firewalls(await checks(listed())), [
      "ok: no other table drops covey's packets",
    ])
  })

  test("says that covey's own table is missing, and what is open without it", async () => {
    const config = meshOnly()
    assert.deepEqual(firewalls(await checks(listing(), config)), [
      'problem: table inet covey is missing: the LAN may reach mesh addresses',
    ])
    assert.deepEqual(firewalls(await checks(listing(), null)), [
      "ok: no other table drops covey's packets",
    ])
  })

  test('names a table that drops what containers send, and says where to read on', async () => {
    const found = await checks(listed(...chain('drop', { counter: null })))
    const [first] = found.filter(({ state }) => state === 'problem')
    assert.equal(
      first?.message,
      'table ip filter, chain FORWARD drops packets from containers into wg0',
    )
    assert.match(first?.hint ?? '', /docs\/FIREWALLS\.md/)
  })

  const dropped = async (family: string, hook: string, config: Config): Promise<unknown> =>
    firewalls(await checks(listed(...chain('drop', { counter: null }, family, hook)), config)).map(
      (line) => line.replace(/^.* drops packets /, ''),
    )

  test('looks at the packets of both families, wherever containers have them', async () => {
    const config = twoHosts({ nat: { type: 'nftables_masquerade', network: 'cn6' } })
    assert.deepEqual(await dropped('ip6', 'forward', config), [
      'from containers into wg6 (IPv6)',
      'from wg6 to containers (IPv6)',
      'from containers to the outside (IPv6)',
    ])
    assert.deepEqual(await dropped('ip', 'forward', config), [
      'from containers into wg0',
      'from wg0 to containers',
    ])
  })

  test("goes by a tunnel's ends and not by what it carries", async () => {
    const link = (endpoint: string): object => ({ ...twoHosts({}).hosts['h1']?.['wg6'], endpoint })
    const four = twoHosts({ wg6: link('203.0.113.7:51821') })
    const six = twoHosts({ wg6: link('[2001:db8::7]:51821') })
    const ports = ["to WireGuard's port 51820", "to WireGuard's port 51821"]
    assert.deepEqual(await dropped('ip', 'input', four), ports)
    assert.deepEqual(await dropped('ip', 'input', six), ports.slice(0, 1))
    assert.deepEqual(await dropped('ip6', 'input', six), ports.slice(1))
  })

  test("asks for the overlay's port where the overlay is", async () => {
    const agent = { type: 'agent', network: 'wg', peer_id: `12D3KooW${'1'.repeat(44)}` }
    const said = await dropped('ip', 'input', twoHosts({ agent }))
    assert.match(String(said), /to the overlay's port 4069 by wg0/)
    assert.doesNotMatch(String(said), /by wg6/)
  })

  test('warns of flows that go by all rules', async () => {
    const flowtable = { family: 'inet', table: 'fast', name: 'f', hook: 'ingress' }
    assert.deepEqual(firewalls(await checks(listed({ flowtable }))), [
      "warning: table inet fast has a flowtable, f: its flows bypass covey's rules",
    ])
  })

  test('says so where the rules cannot be read', async () => {
    const refused = { exitCode: 1, stdout: '', stderr: 'Error: Operation not permitted' }
    for (const [answer, wanted] of [
      [refused, 'Operation not permitted'],
      [new Error('nft is not installed'), 'nft is not installed'],
    ] as const) {
      const said = `warning: the rules of this host cannot be read: ${wanted}`
      assert.deepEqual(firewalls(await checks(answer)), [said])
    }
  })

  test('says what the config leaves out', async () => {
    const without = await checks(listed(), null)
    assert.ok(without.some(({ message }) => message === 'this host has no config yet'))
    const unplaced = await checks(listed())
    assert.ok(unplaced.some(({ name, state }) => name === 'config' && state === 'problem'))
  })
})
