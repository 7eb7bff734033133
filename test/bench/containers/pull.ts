import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askStatus } from '../../lab/agent-status.ts'
import { type BundledCovey, buildCovey } from '../../lab/bundled.ts'
import { writeSettings } from '../../lab/container-config.ts'
import type { VirtualHost } from '../../lab/host.ts'
import { createLab } from '../../lab/lab.ts'
import { serveOn } from '../../lab/registry-host.ts'
import { until } from '../../lab/waiting.ts'
import { buildDebianNginx } from '../../registry/debian-nginx.ts'
import { type BenchLine, line } from '../report.ts'
import { podman } from './peers.ts'

const runs = 5
const pullMsMax = 300_000
/** Room for what all runs unpack; a hole until it is written to. */
const diskBytes = 12 * 1024 ** 3
/** Where on the host it is. */
const disk = '/var/lib/bench'

/** One way to an image that is unpacked on a host; gives ms. */
type Way = (run: number) => Promise<number>

async function timed(host: VirtualHost, command: readonly string[]): Promise<number> {
  const [file = '', ...args] = command
  const startedAt = performance.now()
  await host.must(file, args, { timeoutMs: pullMsMax })
  return performance.now() - startedAt
}

/**
 * A file system of its own, as new as that of a new host. The machine's may be one without a
 * journal: ext4 then passes over every file that was removed in the last minutes, one by one, for
 * each that it makes, and whoever pulls pays for what others have removed.
 */
async function mountDisk(host: VirtualHost): Promise<void> {
  const image = join(host.folder, 'bench.img')
  writeFileSync(image, '')
  truncateSync(image, diskBytes)
  await host.must('mkfs.ext4', ['-q', '-F', image])
  await host.must('mkdir', [disk])
  await host.must('mount', ['-o', 'loop', image, disk])
}

/** `covey image pull` from an agent that runs, whose store is new. */
function coveyWay(host: VirtualHost, covey: BundledCovey, reference: string): Way {
  return async (run) => {
    const [state, place] = [`${disk}/covey-${run}`, `/run/covey-${run}`]
    // Enrolled, and never started: what each run begins with.
    await host.must('cp', ['-a', '/var/lib/covey', state])
    const agent = host.spawn(covey.path, ['agent', '--state-dir', state, '--run-dir', place])
    const socket = `/proc/${host.pid}/root${place}/covey.sock`
    await until('the agent answers', () => askStatus(socket))
    const pull = ['image', 'pull', reference, '--run-dir', place]
    const ms = await timed(host, [covey.path, ...pull])
    agent.signal('SIGTERM')
    await agent.ended
    return ms
  }
}

function podmanWay(host: VirtualHost, reference: string, prefix = ''): Way {
  return (run) => {
    const place = `${disk}/podman-${prefix}${run}`
    const base = podman(`/proc/${host.pid}/root${place}`, place)
    return timed(host, [...base, 'pull', '--quiet', '--tls-verify=false', reference])
  }
}

/** A way that ends when its image would survive a power cut, as covey's does. */
function syncedWay(host: VirtualHost, way: Way): Way {
  return async (run) => (await way(run)) + (await timed(host, ['sync', '-f', disk]))
}

function umociWay(host: VirtualHost, reference: string): Way {
  return async (run) => {
    const folder = `${disk}/umoci-${run}`
    await host.must('mkdir', [folder])
    const from = `docker://${reference}`
    const copy = `skopeo --insecure-policy copy --quiet --src-tls-verify=false ${from} oci:oci:image`
    const unpack = 'umoci unpack --image oci:image bundle'
    return await timed(host, ['sh', '-c', `cd ${folder} && ${copy} && ${unpack}`])
  }
}

/** Pulls and unpacks a real Debian image in three ways, in turns, each time into new folders. */
export async function measurePull(): Promise<readonly BenchLine[]> {
  const { layout } = await buildDebianNginx()
  const covey = buildCovey()
  const lab = await createLab()
  try {
    const host = await lab.host('bench')
    const registry = await serveOn(host, {}, { 'debian-nginx': layout })
    const reference = registry.images['debian-nginx'] ?? ''
    writeSettings(host, { registries: { [registry.host]: { insecure: true } } })
    await lab.operator.enrol([host])
    await mountDisk(host)
    const ways = [
      coveyWay(host, covey, reference),
      podmanWay(host, reference),
      umociWay(host, reference),
      syncedWay(host, podmanWay(host, reference, 'synced-')),
    ]
    const times: number[][] = ways.map(() => [])
    for (let run = 0; run < runs; run++) {
      // Each has its turn at each place.
      for (let place = 0; place < ways.length; place++) {
        const index = (run + place) % ways.length
        // Nobody's time holds the writing of what the one before has left in memory.
        await host.must('sync', [], { timeoutMs: pullMsMax })
        times[index]?.push((await ways[index]?.(run)) ?? Number.NaN)
      }
    }
    const [ours = [], podmans = [], umocis = [], synced = []] = times
    const name = 'pull and unpack 190 MB of Debian'
    return [
      line(name, ours, 'ms', 'podman pull', podmans),
      line(name, ours, 'ms', 'podman pull, then sync', synced),
      line(name, ours, 'ms', 'skopeo copy and umoci unpack', umocis),
    ]
  } finally {
    lab.close()
    covey.remove()
  }
}
