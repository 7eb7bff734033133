import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import type { Command, HostPorts } from '../../../reconcilers/host-ports.ts'
import { applyNftables } from '../../../reconcilers/nftables/apply.ts'
import type { Elements } from '../../../reconcilers/nftables/elements/elements.ts'
import { checkedElementsMax } from '../../../reconcilers/nftables/limits.ts'
import type { NftablesStep } from '../../../reconcilers/nftables/plan.ts'

import { openRealHost, type RealHost } from '../real/host.ts'

const never = new AbortController().signal
const objects = { objects: [] }

const flows = (count: number, last: string = '10.8.0.1'): Elements => {
  const own = Array.from({ length: count }, (_, index) =>
    [`10.9.${index >> 8}.${index & 255}`, '10.69.1.5', 6, 80].join(' . '),
  )
  return new Map([['ingress4', new Set([...own, `${last} . 10.69.1.5 . 6 . 80`])]])
}

const replace = (elements: Elements): NftablesStep => {
  const rest = { counts: new Map(), why: 'a test', learns: false }
  return { kind: 'replace', elements, ...rest, ...objects }
}

const update = (added: Elements, removed: Elements = new Map()): NftablesStep => ({
  kind: 'update',
  change: { added, removed },
  ...objects,
})

suite('transactions of the firewall', () => {
  let host: RealHost
  before(async () => {
    host = await openRealHost()
  })
  after(() => host?.close())

  /** Carries a step out, and gives what nft was asked: `-c` or `-f`, and with what. */
  async function asked(step: NftablesStep): Promise<readonly (readonly [string, string])[]> {
    const seen: (readonly [string, string])[] = []
    const run = async (command: Command, signal: AbortSignal) => {
      const path = command.args.at(-1) ?? ''
      if (command.tool === 'nft') {
        seen.push([command.args[0] ?? '', await readFile(path, 'utf8').catch(() => '')])
      }
      return await host.ports.run(command, signal)
    }
    const ports: HostPorts = { ...host.ports, run }
    await applyNftables(step, ports, never)
    return seen
  }

  const listed = async (): Promise<string> => {
    const command = { tool: 'nft', args: ['list', 'table', 'inet', 'covey'] }
    return (await host.ports.run(command, never)).stdout
  }

  test('each is checked before it is carried out, whatever its size', async () => {
    const many = flows(checkedElementsMax * 20)
    const steps: readonly NftablesStep[] = [
      replace(flows(3)),
      update(new Map([['judged4', new Set(['10.69.1.5'])]])),
      replace(many),
      update(new Map([['judged4', new Set(['10.69.1.6'])]]), many),
      update(many),
      { kind: 'remove', ...objects },
    ]
    for (const step of steps) {
      const seen = await asked(step)
      assert.deepEqual(seen.map(([flag]) => flag).slice(0, 2), ['-c', '-f'], step.kind)
      const [[, sample = ''] = [], [, whole = ''] = []] = seen
      const lines = new Set(whole.split('\n'))
      const rules = sample.split('\n').filter((line) => !line.includes('10.9.'))
      assert.deepEqual(
        rules.filter((line) => !lines.has(line) && !lines.has(`${line},`)),
        [],
        'what is checked is part of what is carried out',
      )
    }
  })

  test('one that the kernel refuses changes nothing, whatever the check saw', async () => {
    await asked(replace(flows(3)))
    const before = await listed()
    const overlapping = '10.9.0.0/30'
    for (const count of [3, checkedElementsMax * 20]) {
      await assert.rejects(asked(replace(flows(count, overlapping))), /^CoveyError: nft: /)
      assert.equal(await listed(), before)
    }
  })

  test('one that the check refuses is not tried', async () => {
    const seen: string[] = []
    const run: HostPorts['run'] = async (command, signal) => {
      seen.push(command.args[0] ?? '')
      return await host.ports.run(command, signal)
    }
    const step = update(new Map([['judged4', new Set(['10.69.1.500'])]]))
    await assert.rejects(applyNftables(step, { ...host.ports, run }, never), /^CoveyError: nft: /)
    assert.deepEqual(seen, ['-c'])
  })
})
