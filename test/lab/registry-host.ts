import { join } from 'node:path'
import type { RegistryOptions } from '../registry/registry.ts'
import type { Served, ServeOrder } from '../registry/serve.ts'
import { projectRoot, type VirtualHost } from './host.ts'
import type { Running } from './running.ts'
import { until } from './waiting.ts'

/** A registry that runs on a virtual host. */
export interface HostedRegistry extends Served {
  /** Takes it down; what it holds stays. */
  down(): Promise<void>
  up(): Promise<void>
}

/**
 * Starts a registry on a virtual host, under the host's name in the internet of the lab, and pushes
 * layouts to it by name. It ends with the host.
 */
export async function serveOn(
  host: VirtualHost,
  options: RegistryOptions,
  push: Readonly<Record<string, string>>,
): Promise<HostedRegistry> {
  const name = `${host.name}.example.net`
  const order: ServeOrder = { registry: { ...options, address: host.address, name }, push }
  const node = join(projectRoot, 'node_modules/.bin/node')
  const program = join(projectRoot, 'test/registry/serve.ts')
  // Its files lie with the host's, so that they go with the lab.
  const env = `TMPDIR=${host.folder}`
  const running = host.spawn('env', [env, node, program, JSON.stringify(order)])
  const served: Served = JSON.parse(await nextLine(running, 0))
  let lines = 1
  const toggle = async (): Promise<void> => {
    running.signal('SIGUSR2')
    await nextLine(running, lines)
    lines += 1
  }
  return { ...served, down: toggle, up: toggle }
}

/** Line `index` of what it prints; rejects with everything else if it ends before. */
async function nextLine(running: Running, index: number): Promise<string> {
  let ended = false
  const end = (): void => {
    ended = true
  }
  running.ended.then(end, end)
  return await until('the registry answers', () => {
    const lines = running.output().split('\n')
    if (lines.length > index + 1) return lines[index]
    if (ended) throw new Error(`it has ended: ${running.output()}`)
    return false
  })
}
