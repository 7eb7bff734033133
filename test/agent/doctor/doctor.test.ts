import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Check, examine } from '../../../agent/doctor/doctor.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import type { CommandResult } from '../../../reconcilers/host-ports.ts'
import { twoHosts } from '../../reconcilers/nftables/two-hosts.ts'

const listed = (...objects: readonly object[]): CommandResult => ({
  exitCode: 0,
  stdout: JSON.stringify({ nftables: objects }),
  stderr: '',
})

/** What the doctor says of firewalls on a host whose `nft` answers so. */
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

const firewalls = (found: readonly Check[]): readonly string[] =>
  found
    .filter(({ name }) => name === 'firewalls')
    .map(({ state, message }) => `${state}: ${message}`)

const chain = (policy: string, rule: object): readonly object[] => [
  { table: { family: 'ip', name: 'filter' } },
  {
    chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', prio: 0, policy },
  },
  { rule: { family: 'ip', table: 'filter', chain: 'FORWARD', expr: [rule] } },
]

suite('covey doctor', () => {
  test('finds nothing where there is nothing', async () => {
    assert.deepEqual(firewalls(await checks(listed())), [
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
    assert.match(first?.hint ?? '', /docs\/OPERATING\.md, firewalls/)
  })

  test('warns of flows that go by all rules', async () => {
    const flowtable = { family: 'inet', table: 'fast', name: 'f', hook: 'ingress' }
    assert.deepEqual(firewalls(await checks(listed({ flowtable }))), [
      "warning: table inet fast has a flowtable, f: flows in it go by covey's rules",
    ])
  })

  test('says so where the rules cannot be read', async () => {
    const refused = { exitCode: 1, stdout: '', stderr: 'Error: Operation not permitted' }
    for (const [answer, wanted] of [
      [refused, 'Error: Operation not permitted'],
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
