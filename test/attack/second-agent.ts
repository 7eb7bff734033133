import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasApplied } from '../lab/agent-status.ts'
import { container, withContainerNetworks } from '../lab/container-config.ts'
import { rowOf } from '../lab/container-rows.ts'
import { coveyPath, type VirtualHost } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { until } from '../lab/waiting.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab, loadTools } from './in-lab.ts'

/** Long enough for many rounds of an agent that takes another's things for its own. */
const besideMs = 15_000
const startMsMax = 30_000

async function webOn(lab: Lab, host: VirtualHost): Promise<void> {
  const image = await loadTools(lab, host)
  const objects = withContainerNetworks(await lab.operator.hosts())['cloud01'] ?? {}
  const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done']
  const web = container(image, '10.69.101.10', { command })
  const version = await lab.operator.release({ cloud01: { ...objects, web } }, host)
  await host.waitFor('has applied it', (status) => hasApplied(status, version))
  await host.waitFor('is in sync', ({ state }) => state === 'in-sync', 60_000)
}

/** A second agent: the first one's membership, and nothing of its containers. */
const copying = `
cp -a /var/lib/covey /var/lib/other
rm -rf /var/lib/other/containers /var/lib/other/logs /var/lib/other/instance.json
`

async function attack(lab: Lab): Promise<AttackEnd> {
  const host = await lab.host('cloud01')
  await lab.operator.enrol([host])
  await host.startAgent()
  await webOn(lab, host)
  const before = await rowOf(host, 'web')
  const namespaces = await host.must('ls', ['/run/netns'])
  await host.must('sh', ['-c', copying])
  const folders = ['agent', '--state-dir', '/var/lib/other', '--run-dir', '/run/other']
  const second = await host.exec(coveyPath, folders, { timeoutMs: startMsMax })
  const refused = second.exitCode === 1 && /runs in this network namespace/.test(second.stderr)

  // One with a network of its own, in the same control groups and the same /run/netns.
  await host.must('ip', ['netns', 'add', 'beside'])
  const third = host.spawn('nsenter', [
    '--net=/run/netns/beside',
    ...['unshare', '--mount', 'sh', '-c'],
    'mount -t tmpfs tmpfs /run/wireguard && exec "$@"',
    ...['sh', coveyPath, ...folders],
  ])
  await until('the other agent answers', async () => {
    const to = ['--to', '/run/other/covey.sock', 'status', '--json']
    return (await host.covey(to)).exitCode !== 5
  })
  await sleep(besideMs)
  third.signal('SIGTERM')
  await third.ended
  const after = await rowOf(host, 'web')
  const rest = await host.must('ls', ['/run/netns'])
  const lost = namespaces.split('\n').filter((name) => name !== '' && !rest.includes(name))
  const { state } = await host.status()
  const held = refused && after.pid === before.pid && lost.length === 0 && state === 'in-sync'
  const words = second.stderr.split('\n')[0] ?? ''
  assert.ok(before.pid !== null)
  const seen = `second: exit ${second.exitCode} ("${words}"); beside another for ${besideMs} ms: `
  const what = `web ${before.pid} -> ${after.pid}, ${lost.length} namespaces lost, status ${state}`
  return { held, seen: `${seen}${what}` }
}

/** A second agent on a machine, as its hint once proposed. */
export const secondAgent: Attack = {
  name: 'second-agent',
  from: 'a second agent with folders of its own',
  wants: "the first one's containers, links and table gone",
  run: () => inLab(attack),
}
