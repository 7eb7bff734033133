import { join } from 'node:path'
import { projectRoot } from '../../lab/host.ts'
import { createLab } from '../../lab/lab.ts'
import { type BenchLine, line } from '../report.ts'
import type { StartTimes } from './start-inside.ts'

/** Starts a container whose image and network are there, beside runc alone and `podman run`. */
export async function measureStart(): Promise<readonly BenchLine[]> {
  const lab = await createLab()
  try {
    const host = await lab.host('bench')
    const node = join(projectRoot, 'node_modules/.bin/node')
    const program = join(projectRoot, 'test/bench/containers/start-inside.ts')
    const times: StartTimes = JSON.parse(await host.must(node, [program]))
    const name = 'start of a prepared container'
    return [
      line(name, times.ours, 'ms', 'bare runc create and start', times.bare),
      line(name, times.ours, 'ms', 'podman run -d', times.podman),
    ]
  } finally {
    lab.close()
  }
}
