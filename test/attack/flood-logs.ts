import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { logHardBytesMax } from '../../machine/containers/logs/limits.ts'
import { hasApplied } from '../lab/agent-status.ts'
import { container, withContainerNetworks } from '../lab/container-config.ts'
import type { VirtualHost } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab, loadTools } from './in-lab.ts'

const names = ['flood1', 'flood2', 'flood3']
const withAgentMs = 15_000
const withoutMs = 15_000
const lookMs = 50

async function flooding(lab: Lab, host: VirtualHost): Promise<void> {
  const image = await loadTools(lab, host)
  const objects = withContainerNetworks(await lab.operator.hosts())['cloud01'] ?? {}
  const command = ['sh', '-c', 'yes 0123456789012345678901234567890123456789012345678901234567']
  const floods = names.map((name, index) => {
    return [name, container(image, `10.69.101.${10 + index}`, { command })]
  })
  const all = { ...objects, ...Object.fromEntries(floods) }
  const version = await lab.operator.release({ cloud01: all }, host)
  await host.waitFor('has applied it', (status) => hasApplied(status, version))
}

/** The most that the log of one object took meanwhile, in bytes; a file with two names is one. */
async function mostFor(host: VirtualHost, forMs: number): Promise<number> {
  let most = 0
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(lookMs)) {
    for (const name of names) {
      const folder = join(host.folder, 'var-lib/covey/logs', name)
      const sizes = new Map<number, number>()
      for (const file of readdirSync(folder)) {
        const seen = statSync(join(folder, file), { throwIfNoEntry: false })
        if (seen !== undefined) sizes.set(seen.ino, seen.size)
      }
      most = Math.max(
        most,
        [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
      )
    }
  }
  return most
}

async function attack(lab: Lab): Promise<AttackEnd> {
  const host = await lab.host('cloud01')
  await lab.operator.enrol([host])
  await host.startAgent()
  await flooding(lab, host)
  const running = await mostFor(host, withAgentMs)
  await host.kill9()
  const down = await mostFor(host, withoutMs)
  await host.startAgent()
  const back = await mostFor(host, withAgentMs)
  const log = await host.exec('covey', ['logs', '-n', '1', 'flood1'])
  const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  const most = Math.max(running, down, back)
  const said = `${megabytes(running)} with the agent, ${megabytes(down)} without, ${megabytes(back)} after`
  return {
    held: most <= logHardBytesMax && most > 2 ** 20 && log.exitCode === 0,
    seen: `${names.length} writers, each at most: ${said}; bound ${megabytes(logHardBytesMax)}`,
  }
}

/** Containers that write as fast as the disk, also while no agent looks. */
export const floodLogs: Attack = {
  name: 'flood-logs',
  from: 'a container that writes as fast as it can',
  wants: 'the disk that the head, the roots and the images are on',
  run: () => inLab(attack),
}
