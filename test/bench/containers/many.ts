import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { postConfig } from '../../lab/agent-socket.ts'
import { hasApplied } from '../../lab/agent-status.ts'
import { buildCovey } from '../../lab/bundled.ts'
import type { Hosts } from '../../lab/config-hosts.ts'
import { container, withContainerNetworks, writeSettings } from '../../lab/container-config.ts'
import { projectRoot, type VirtualHost } from '../../lab/host.ts'
import { createLab, type Lab } from '../../lab/lab.ts'
import { type HostedRegistry, serveOn } from '../../lab/registry-host.ts'
import { until } from '../../lab/waiting.ts'
import { buildBusybox, makeBusyboxTree } from '../../registry/busybox.ts'
import { type BenchLine, line } from '../report.ts'
import { podman, podmanRun } from './peers.ts'
import type { QuietCost } from './quiet-inside.ts'

const runs = 3
const startMsMax = 120_000
/** An agent looks at everything every ten seconds. */
const quietRounds = 6
const roundSeconds = 10
const command = ['sleep', '100000']
/** A first process that handles no signal gets none but this one. */
const own = { command, stop_signal: 'SIGKILL' }

/** A host with an agent, and what is needed to hand it configs with many containers. */
class Place {
  readonly #lab: Lab
  readonly #registry: HostedRegistry
  readonly host: VirtualHost

  constructor(lab: Lab, host: VirtualHost, registry: HostedRegistry) {
    this.#lab = lab
    this.host = host
    this.#registry = registry
  }

  /** Hands the agent a config with so many containers, and gives the ms until all of them run. */
  async have(count: number): Promise<number> {
    const found: Hosts = withContainerNetworks(await this.#lab.operator.hosts())
    const { busybox = '' } = this.#registry.images
    const numbers = Array.from({ length: count }, (_, index) => index)
    const objects = numbers.map((index) => {
      return [`c${index}`, container(busybox, `10.69.101.${index + 10}`, own)]
    })
    const hosts = { [this.host.name]: { ...found[this.host.name], ...Object.fromEntries(objects) } }
    const signed = readFileSync(await this.#lab.operator.sign(hosts), 'utf8')
    const startedAt = performance.now()
    const { head } = await postConfig(this.host.socketPath, signed)
    const version = head?.version ?? Number.NaN
    await this.host.waitFor(
      `runs ${count} containers`,
      (status) => hasApplied(status, version) && status.state === 'in-sync',
      startMsMax,
    )
    const ms = performance.now() - startedAt
    const traces = ['/run/covey/containers', '-mindepth', '1', '-maxdepth', '1']
    await until(`there are ${count} containers`, async () => {
      const found = await this.host.must('find', traces)
      return found.split('\n').length - 1 === count
    })
    return ms
  }
}

async function withPlace<T>(use: (place: Place) => Promise<T>): Promise<T> {
  const covey = buildCovey()
  const lab = await createLab()
  try {
    const host = await lab.host('bench')
    const layout = join(lab.record.folder, 'busybox')
    await buildBusybox(layout)
    const registry = await serveOn(host, {}, { busybox: layout })
    writeSettings(host, { registries: { [registry.host]: { insecure: true } } })
    await lab.operator.enrol([host])
    await host.startAgent(covey.path)
    const place = new Place(lab, host, registry)
    // Pulls the image, and removes the container again.
    await place.have(1)
    await place.have(0)
    return await use(place)
  } finally {
    lab.close()
    covey.remove()
  }
}

/** Fifty containers of an image that is there, from a config that is handed over to all running. */
export async function measureFifty(): Promise<readonly BenchLine[]> {
  const count = 50
  return await withPlace(async (place) => {
    const { host } = place
    const [folder, inside] = [join(host.folder, 'var-lib/podman'), '/var/lib/podman']
    const base = podman(folder, inside)
    const [file = '', ...args] = base
    await makeBusyboxTree(join(folder, 'tree'))
    await host.must('tar', ['-C', `${inside}/tree`, '-cf', `${inside}/tar`, '.'])
    await host.must(file, [...args, 'import', '--quiet', `${inside}/tar`, 'bench:latest'])
    const each = [...base, ...podmanRun, 'bench:latest', ...command].join(' ')
    // What runs on holds neither the pipe of the numbers nor that of the result.
    const script = (parallel: number): string =>
      `seq ${count} | xargs -P ${parallel} -I{} sh -c '${each} >/dev/null 2>&1 </dev/null'`
    const fifty = async (parallel: number): Promise<number> => {
      const startedAt = performance.now()
      await host.must('sh', ['-c', script(parallel)], { timeoutMs: startMsMax })
      const ms = performance.now() - startedAt
      const remove = [...args, 'rm', '--force', '--all', '--time', '0']
      await host.must(file, remove, { timeoutMs: startMsMax })
      return ms
    }
    const ours: number[] = []
    const [alone, paired]: [number[], number[]] = [[], []]
    for (let run = 0; run < runs; run++) {
      ours.push(await place.have(count))
      await place.have(0)
      alone.push(await fifty(1))
      paired.push(await fifty(2))
    }
    const name = `${count} containers from nothing to running`
    return [
      line(name, ours, 'ms', `${count} podman run -d`, alone),
      line(name, ours, 'ms', `${count} podman run -d, two at a time`, paired),
    ]
  })
}

/** Measures the cost of rounds in which an agent has nothing to do. */
export async function measureQuiet(): Promise<readonly BenchLine[]> {
  const count = 100
  return await withPlace(async (place) => {
    const cost = async (): Promise<QuietCost> => {
      const node = join(projectRoot, 'node_modules/.bin/node')
      const program = join(projectRoot, 'test/bench/containers/quiet-inside.ts')
      const seconds = quietRounds * roundSeconds
      return JSON.parse(
        await place.host.must(node, [program, String(seconds)], {
          timeoutMs: (seconds + 60) * 1000,
        }),
      )
    }
    const none = await cost()
    await place.have(count)
    const many = await cost()
    const per = (value: number): number[] => [value / quietRounds]
    const [all, look] = [`CPU in ten seconds, ${count} containers`, 'CPU of a no-change round']
    const processes = `processes started in ten seconds, ${count} containers`
    const bare = 'without containers'
    return [
      line(`${look}, ${count} containers`, [many.planCpuMs], 'ms', 'goal', [50]),
      line(`${look}, ${count} containers`, [many.planCpuMs], 'ms', bare, [none.planCpuMs]),
      line(all, per(many.cpuMs), 'ms', bare, per(none.cpuMs)),
      line(processes, per(many.processes), '', bare, per(none.processes)),
    ]
  })
}
