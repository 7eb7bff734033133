import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import type { ImageFolder } from '../../../reconcilers/container-facts.ts'
import { isWithin } from '../../../reconcilers/runc/bundle/host-paths.ts'
import { layersMax, mountMs, mountOptionsBytesMax } from '../limits.ts'
import type { ContainerPlaces } from '../places.ts'
import { mountPoints } from '../processes.ts'
import { runPlain, runSound } from '../spawn.ts'

/**
 * Mounts the layers of a container with its writable one on top (overlayfs.rst of the kernel). They
 * go by one-letter links in the folder that `mount` runs in: the options of a mount end at one
 * page, and a path in them must not hold a colon or a comma.
 *
 * Errors: `container-create`, `tool-…`.
 */
export async function mountRootfs(
  places: ContainerPlaces,
  layers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (layers.length === 0 || layers.length > layersMax) {
    throw new CoveyError('container-create', `its image has ${layers.length} layers`)
  }
  makeUpper(places, layers.at(-1) ?? '')
  rmSync(places.layers, { recursive: true, force: true })
  for (const path of [places.layers, places.rootfs]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  const names = layers.map((_, index) => index.toString(36))
  const links = { U: places.upper, W: places.work }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(places.layers, name))
  for (const [index, layer] of layers.entries()) {
    symlinkSync(layer, join(places.layers, names[index] ?? ''))
  }
  // The kernel takes the uppermost first.
  const options = `lowerdir=${names.toReversed().join(':')},upperdir=U,workdir=W`
  if (options.length > mountOptionsBytesMax) {
    throw new CoveyError('container-create', `its image has too many layers: ${layers.length}`)
  }
  const args = ['-t', 'overlay', '-o', `nodev,${options}`, 'overlay', places.rootfs]
  // The newer call of later libraries takes at most 256 bytes for one option.
  const environment = { LIBMOUNT_FORCE_MOUNT2: 'always' }
  const run = { tool: 'mount', args, cwd: places.layers, environment, timeoutMs: mountMs }
  await runSound(run, signal)
}

/**
 * Expects that an image has no link for `/dev`: the runtime makes device nodes where it leads, be
 * that a folder of the host by then. Error: `mount-place`.
 */
export function expectPlainDev(rootfs: string): void {
  if (!lstatSync(join(rootfs, 'dev'), { throwIfNoEntry: false })?.isSymbolicLink()) return
  throw new CoveyError('mount-place', '/dev of the image is a symbolic link, not a folder')
}

/** The root folder of an overlay has the owner and mode of its writable layer. */
function makeUpper(places: ContainerPlaces, top: string): void {
  mkdirSync(places.work, { recursive: true, mode: 0o700 })
  if (mkdirSync(places.upper, { recursive: true, mode: 0o700 }) === undefined) return
  const { uid, gid, mode } = statSync(top)
  chownSync(places.upper, uid, gid)
  chmodSync(places.upper, mode & 0o7777)
}

/**
 * Makes folders in a mounted root file system where it has nothing, as other container tools do for
 * volumes of an image. None is made through a link: nothing runs in it yet that could change one.
 */
export function makeFolders(rootfs: string, folders: readonly ImageFolder[]): void {
  for (const { path, uid, gid } of folders) {
    let at = rootfs
    for (const part of path.split('/').filter((each) => each !== '')) {
      at = join(at, part)
      const found = lstatSync(at, { throwIfNoEntry: false })
      if (found?.isDirectory()) continue
      if (found !== undefined) break
      mkdirSync(at)
      chmodSync(at, 0o755)
      chownSync(at, uid, gid)
    }
  }
}

/** Unmounts the root file system of a container, also one that something still uses. */
export async function unmountRootfs(places: ContainerPlaces): Promise<void> {
  await unmount(places.mappedRootfs)
  if (existsSync(places.mappedRootfs)) rmdirSync(places.mappedRootfs)
  await unmount(places.rootfs)
  await unmountHostRoot(places)
}

/** Mounts in it go first: nothing may be removed through a mount that stayed. */
async function unmountHostRoot({ hostRoot }: ContainerPlaces): Promise<void> {
  const points = [...mountPoints()].filter((point) => isWithin(point, hostRoot))
  for (const point of points.sort().toReversed()) await unmount(point)
  if (existsSync(hostRoot)) rmdirSync(hostRoot)
}

async function unmount(point: string): Promise<void> {
  while (mountPoints().has(point)) {
    const plain = await runPlain({ tool: 'umount', args: [point], timeoutMs: mountMs })
    if (plain.exitCode === 0) continue
    await runSound({ tool: 'umount', args: ['--lazy', point], timeoutMs: mountMs })
  }
}
