import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import type { Command, HostPorts } from '../../../reconcilers/host-ports.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { modelText } from '../fake/model.ts'
import { makeTunnels, sections } from './cases.ts'

/** Everything that a tool is told to do, by lines of batches and commands that are none. */
function linesOf({ stdin }: Command): number {
  return stdin === undefined ? 1 : stdin.split('\n').filter((line) => line !== '').length
}

/** Only looks: nothing that it says changes the host. */
function isLook({ args }: Command): boolean {
  return args.includes('-json') || args.includes('-a')
}

/** Ports of a host that dies after a number of lines; how many there were in all. */
function dyingAfter(host: FakeHost, linesMax: number): { ports: HostPorts; said: () => number } {
  let said = 0
  const run: HostPorts['run'] = async (command, signal) => {
    if (isLook(command)) return host.ports.run(command, signal)
    const left = linesMax - said
    said += linesOf(command)
    if (linesOf(command) <= left) return host.ports.run(command, signal)
    const stdin = (command.stdin ?? '').split('\n').slice(0, Math.max(0, left)).join('\n')
    if (stdin !== '') await host.ports.run({ ...command, stdin }, signal)
    throw new Error('the host died')
  }
  return { ports: { ...host.ports, run }, said: () => said }
}

async function openHost(): Promise<FakeHost> {
  const host = createFakeHost()
  await makeTunnels(host.ports)
  return host
}

/** Reaches `after` from `before`, dying on the way, and then again; the lines that the way has. */
async function cross(before: object, after: object, linesMax: number): Promise<[number, string]> {
  const host = await openHost()
  await reconcile(containerNetwork, configOf({ a: before }), 'a', host.ports)
  const dying = dyingAfter(host, linesMax)
  const config = configOf({ a: after })
  await reconcile(containerNetwork, config, 'a', dying.ports).catch(() => {})
  await reconcile(containerNetwork, config, 'a', host.ports)
  assert.deepEqual(await reconcile(containerNetwork, config, 'a', host.ports), [])
  return [dying.said(), modelText(host.model)]
}

describe('a host that dies on the way', () => {
  for (const [says, before, after] of [
    ['to containers', {}, sections.more],
    ['to other addresses', sections.more, sections.moved],
    ['to nothing', sections.more, {}],
  ] as const) {
    it(`${says}, after any line of any batch, gets there all the same`, async () => {
      const [lines, wanted] = await cross(before, after, Number.POSITIVE_INFINITY)
      assert.ok(lines > 5)
      for (let at = 0; at < lines; at++) {
        const [, reached] = await cross(before, after, at)
        assert.equal(reached, wanted, `after ${at} of ${lines} lines`)
      }
    })
  }
})
