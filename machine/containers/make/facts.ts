import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BundleFacts } from '../../../reconcilers/container-facts.ts'
import type { HostContainers } from '../../../reconcilers/host-containers.ts'
import { capabilitiesOfMask } from '../../../reconcilers/runc/bundle/hardening/capabilities.ts'
import type { Cgroups } from '../cgroups.ts'
import { runtimeMs } from '../limits.ts'
import { type GrantSettings, grantFacts } from '../mounts/grant-facts.ts'
import { type HostPlaces, placesOf } from '../places.ts'
import { lookResolvers } from '../resolvers.ts'
import { runSound } from '../spawn.ts'
import { grantedNodes, hostNodes } from './device-nodes.ts'
import { readTime } from './time-files.ts'

/** Says what bundles need to know of the machine. What cannot change is asked for once. */
export function createFacts(
  places: HostPlaces,
  settings: GrantSettings,
  cgroups: Cgroups,
  namespaceOf: (object: string) => string,
): HostContainers['facts'] {
  let runtimeSpec: Promise<BundleFacts['runtimeSpec']> | null = null
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(isStatic) ?? null
  const openFilesMax = openFilesLimit()
  const capabilities = capabilitiesIn(readFileSync('/proc/self/status', 'latin1'))
  return async (id, devices, network, isPrivileged = false) => {
    runtimeSpec ??= readRuntimeSpec(settings.runDir).catch((error) => {
      runtimeSpec = null
      throw error
    })
    const at = placesOf(places, id)
    return {
      cgroupVersion: cgroups.version,
      cgroupsPath: cgroups.path(id),
      networkNamespace: namespaceOf(network),
      rootfs: at.rootfs,
      mappedRootfs: at.mappedRootfs,
      filesDir: at.files,
      secretsDir: at.secrets,
      hostRoot: at.hostRoot,
      volumesDir: places.volumes,
      ...(await lookResolvers()),
      architecture: process.arch,
      runtimeSpec: await runtimeSpec,
      openFilesMax,
      limitsSwap: cgroups.limitsSwap,
      busybox,
      time: readTime(),
      capabilities,
      ...(isPrivileged ? { hostDevices: hostNodes() } : {}),
      devices: devices.flatMap((path) => grantedNodes(path, grantFacts(settings))),
    }
  }
}

/** Output of `runc spec`: the runtime's default container. */
async function readRuntimeSpec(runDir: string): Promise<BundleFacts['runtimeSpec']> {
  const folder = await mkdtemp(join(runDir, '.spec-'))
  try {
    const args = ['spec', '--bundle', folder]
    await runSound({ tool: 'runc', args, timeoutMs: runtimeMs })
    return JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function openFilesLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(limits) ?? []
  return Number(hard ?? 1024)
}

/** Names in the bounding set of a process, from its `/proc/PID/status` (proc(5)). */
function capabilitiesIn(status: string): readonly string[] {
  const [, mask = '0'] = /^CapBnd:\s*([0-9a-f]+)/m.exec(status) ?? []
  return capabilitiesOfMask(BigInt(`0x${mask}`))
}

/** True if a program needs no loader and no libraries: an ELF file without PT_INTERP (elf(5)). */
function isStatic(path: string): boolean {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return false
  }
  try {
    const head = Buffer.alloc(4096)
    if (readSync(file, head, 0, head.length, 0) < 64) return false
    const isElf64 = head.readUInt32BE(0) === 0x7f454c46 && head[4] === 2 && head[5] === 1
    if (!isElf64) return false
    const at = Number(head.readBigUInt64LE(32))
    const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)]
    if (at + size * count > head.length) return false
    for (let index = 0; index < count; index++) {
      if (head.readUInt32LE(at + index * size) === 3) return false
    }
    return true
  } catch {
    return false
  } finally {
    closeSync(file)
  }
}
