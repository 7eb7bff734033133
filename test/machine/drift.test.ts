import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concerns, watchKernel } from '../../machine/kernel/watch-kernel.ts'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import {
  agentType,
  createReconcileLoop,
  type ReconcileReport,
} from '../../reconcilers/loop/index.ts'
import { wireguard } from '../../reconcilers/wireguard/index.ts'
import { wireguardLinkNames } from '../../reconcilers/wireguard/resolve.ts'
import { ideaExample } from '../reconcilers/configs.ts'
import { headAt, quietLog } from '../reconcilers/loop/driver.ts'
import { openRealHost, type RealHost } from '../reconcilers/real/host.ts'
import { byHand } from '../reconcilers/wireguard/cases.ts'

describe("the kernel's announcements", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['2: wg0: <POINTOPOINT> mtu 1420 qdisc noop state DOWN group default', true],
    ['Deleted 2: wg0    inet 10.69.0.1/16 scope global wg0', true],
    ['Deleted 10.69.1.0/24 dev wg0 proto 190 scope link', true],
    ['4: wg0@NONE: <POINTOPOINT>', true],
    ['3: veth1@if2: <BROADCAST> mtu 1500', false],
    ['10.1.0.0/16 dev eth0 proto kernel scope link src 10.1.0.1', false],
    ['2: wg01: <POINTOPOINT>', false],
    ['unreachable default proto kernel', false],
    ['Deleted unreachable 10.69.0.0/16 proto 190 metric 4294967295', true],
    ['Deleted unreachable fd69::/32 dev lo proto 190 metric 4294967295 pref medium', true],
    ['Deleted unreachable 10.98.0.0/16 proto static metric 4294967295', false],
  ]
  for (const [line, isOurs] of cases) {
    it(`${isOurs ? 'notices' : 'passes over'} ${line}`, () => {
      assert.equal(concerns(line, new Set(['wg0'])), isOurs)
      assert.equal(concerns(line, undefined), true)
    })
  }
})

/** Waits until something holds, or the test is over. */
async function until(signal: AbortSignal, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function withHost(use: (host: RealHost) => Promise<void>): Promise<void> {
  const host = await openRealHost()
  try {
    await use(host)
  } finally {
    await host.close()
  }
}

describe('drift on a real host', () => {
  it(
    'is repaired when the kernel tells of it, long before the next round',
    { timeout: 30_000 },
    ({ signal }) =>
      withHost(async (host) => {
        const reports: ReconcileReport[] = []
        let heard = 0
        const loop = createReconcileLoop({
          reconcilers: [wireguard],
          extraTypes: [agentType],
          ports: host.ports,
          log: quietLog,
          seed: 1,
          // Only the watch can be what repairs it.
          roundMs: 3_600_000,
          onReport: (report) => void reports.push(report),
        })
        const watch = watchKernel({
          onChange: (reason) => {
            heard++
            loop.poke(reason)
          },
          links: () => wireguardLinkNames(clusterOf(ideaExample), 'cloud01'),
          log: quietLog,
          launcher: host.launcher,
        })
        try {
          loop.adopt(ideaExample, 'cloud01', headAt(1))
          await until(signal, async () => reports.length > 0)
          const wanted = await host.text()
          assert.match(wanted, /wg_cluster tun up mtu 1420 alias covey:wg_network 10.69.0.1\/16/)
          // A harmless event, until one was heard: then the watch runs.
          for (let length = 600; heard === 0; length++) {
            const command = `link set dev wg_cluster txqueuelen ${length}`
            await byHand(host.ports, { tool: 'ip', args: words(command) })
            await new Promise((resolve) => setTimeout(resolve, 20))
            signal.throwIfAborted()
          }
          for (const command of [
            'link del dev wg_cluster',
            'addr del 10.69.0.1/16 dev wg_cluster',
          ]) {
            await byHand(host.ports, { tool: 'ip', args: words(command) })
            await until(signal, async () => (await host.text()) === wanted)
          }
        } finally {
          await Promise.all([watch.stop(), loop.stop()])
        }
        assert.deepEqual(
          reports.at(-1)?.objects.map(({ state, reason }) => [state, reason]),
          [
            ['converged', null],
            ['pending', 'no public key'],
          ],
        )
      }),
  )

  it(
    'leaves the tunnel when the agent goes, and finds it again',
    { timeout: 30_000 },
    ({ signal }) =>
      withHost(async (host) => {
        const texts: string[] = []
        for (let start = 0; start < 2; start++) {
          const reports: ReconcileReport[] = []
          const loop = createReconcileLoop({
            reconcilers: [wireguard],
            extraTypes: [],
            ports: host.ports,
            log: quietLog,
            seed: start,
            onReport: (report) => void reports.push(report),
          })
          loop.adopt(ideaExample, 'cloud01', headAt(1))
          await until(signal, async () => reports.length > 0)
          await loop.stop()
          const { stdout } = await host.ports.run(
            { tool: 'ip', args: words('-o link show dev wg_cluster') },
            new AbortController().signal,
          )
          texts.push(stdout)
        }
        assert.equal(texts[0], texts[1], 'it has the same number: nobody made it again')
      }),
  )
})

function words(text: string): readonly string[] {
  return text.split(' ')
}
