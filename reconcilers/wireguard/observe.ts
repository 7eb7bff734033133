import type { HostPorts } from '../host-ports.ts'
import { lookAtLinks } from '../tools/ip-look.ts'
import { type DeviceSeen, dumpCommand, parseDump } from '../tools/wg.ts'
import { bootFile } from './guards.ts'
import { loadMemory } from './memory.ts'
import { observeNames } from './names.ts'
import { aliasPrefix, isTunnel, type WireguardObserved } from './observed.ts'
import type { WireguardSpec } from './spec.ts'

/**
 * Looks at links, addresses, routes, devices, keys and names. Rejects if a tool does not answer.
 */
export async function observeWireguard(
  spec: WireguardSpec,
  host: HostPorts,
  signal: AbortSignal,
): Promise<WireguardObserved> {
  const [{ links, routes, guards }, memory, boot, ownKeys] = await Promise.all([
    lookAtLinks(host, signal),
    loadMemory(host.files),
    host.files.read(bootFile),
    host.keys.wireguardPublicKeys(),
  ])
  const wanted = new Set(spec.links.map((each) => each.link))
  const own = links.filter(
    (link) =>
      isTunnel(link) &&
      (link.alias?.startsWith(aliasPrefix) || (wanted.has(link.name) && link.alias === null)),
  )
  const devices = new Map(
    await Promise.all(
      own.map(async ({ name }) => [name, await observeDevice(name, host, signal)] as const),
    ),
  )
  const nowMs = host.clock.now()
  const { names, dueAtMs } = await observeNames(spec, { nowMs, devices, memory }, host, signal)
  const byName = new Map(links.map((link) => [link.name, link]))
  return {
    nowMs,
    links: byName,
    routes,
    guards,
    boot: boot ?? '',
    devices,
    ownKeys,
    memory,
    names,
    dueAtMs,
  }
}

async function observeDevice(
  link: string,
  host: HostPorts,
  signal: AbortSignal,
): Promise<DeviceSeen | null> {
  const result = await host.run(dumpCommand(link), signal)
  return result.exitCode === 0 ? parseDump(result.stdout) : null
}
