import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BundleFacts, DeviceNode } from '../../reconcilers/runc/bundle/facts.ts'
import type { Cgroups } from './cgroups.ts'
import { deviceNodesMax, runtimeMs } from './limits.ts'
import { type HostPlaces, placesOf } from './places.ts'
import { lookResolvers } from './resolvers.ts'
import { runSound } from './spawn.ts'

/** Says what bundles need to know of the machine. What cannot change is asked for once. */
export function createFacts(
  places: HostPlaces,
  runDir: string,
  cgroups: Cgroups,
): (id: string, devices: readonly string[]) => Promise<BundleFacts> {
  let runtimeSpec: Promise<BundleFacts['runtimeSpec']> | null = null
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(isStatic) ?? null
  const openFilesMax = openFilesLimit()
  return async (id, devices) => {
    runtimeSpec ??= readRuntimeSpec(runDir).catch((error) => {
      runtimeSpec = null
      throw error
    })
    const at = placesOf(places, id)
    return {
      cgroupVersion: cgroups.version,
      cgroupsPath: cgroups.path(id),
      rootfs: at.rootfs,
      mappedRootfs: at.mappedRootfs,
      filesDir: at.files,
      secretsDir: at.secrets,
      volumesDir: places.volumes,
      ...(await lookResolvers()),
      architecture: process.arch,
      runtimeSpec: await runtimeSpec,
      openFilesMax,
      limitsSwap: cgroups.limitsSwap,
      busybox,
      devices: (await Promise.all(devices.map(nodesAt))).flat(),
    }
  }
}

/** What `runc spec` writes: the runtime's own idea of a container. */
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

/** Whether a program needs no loader and no libraries: an ELF file without PT_INTERP (elf(5)). */
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

/** The nodes at a path, or below it where it is a folder. Links are not followed. */
async function nodesAt(path: string): Promise<readonly DeviceNode[]> {
  const found: DeviceNode[] = []
  const pending = [path]
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const stat = await lstat(next).catch(() => null)
    if (stat === null) continue
    if (stat.isDirectory()) {
      const folder = next
      const inside = await readdir(folder).catch(() => [])
      pending.push(...inside.map((name) => join(folder, name)))
    } else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
      const { uid, gid, rdev } = stat
      const type = stat.isBlockDevice() ? 'b' : 'c'
      const mode = stat.mode & 0o7777
      found.push({ path: next, type, mode, uid, gid, ...numbersOf(BigInt(rdev)) })
    }
    if (found.length + pending.length > deviceNodesMax) break
  }
  return found
}

/** Major and minor number, as makedev(3) packs them. */
function numbersOf(rdev: bigint): { readonly major: number; readonly minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)
  return { major: Number(major), minor: Number(minor) }
}
