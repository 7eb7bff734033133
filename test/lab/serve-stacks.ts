import { join } from 'node:path'
import { buildBusybox } from '../registry/busybox.ts'
import { registrySettings, writeSettings } from './container-config.ts'
import type { VirtualHost } from './host.ts'
import type { Lab } from './lab.ts'
import { type HostedRegistry, serveOn } from './registry-host.ts'
import { type Laptop, laptopOn } from './ssh-server.ts'

/** The hosts beside those that run stacks. */
export interface StackServers {
  /** It has busybox as `box`. */
  readonly registry: HostedRegistry
  /** It knows no ssh server yet. */
  readonly laptop: Laptop
}

/** Makes these hosts a cluster that pulls from a registry of the lab, beside an empty laptop. */
export async function serveStacks(lab: Lab, hosts: readonly VirtualHost[]): Promise<StackServers> {
  const box = join(lab.record.folder, 'box')
  await buildBusybox(box)
  const registry = await serveOn(await lab.host('registry'), {}, { box })
  const laptop = await laptopOn(await lab.host('laptop'))
  for (const host of hosts) {
    writeSettings(host, { registries: { [registry.host]: registrySettings(host, registry) } })
  }
  await lab.operator.enrol(hosts)
  await Promise.all(hosts.map((host) => host.startAgent()))
  return { registry, laptop }
}
