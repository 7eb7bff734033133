import type { BundleFacts } from '../../container-facts.ts'
import type { ImageConfig } from '../../host-images.ts'
import type { ContainerObject, MemoryObject, MountObject } from '../object/container-object.ts'
import { mountPointFault } from '../object/spec-fields.ts'
import type { Account } from './accounts.ts'
import { hostPartOf } from './host-parts.ts'
import { timeFiles } from './host-paths.ts'
import { initFile, initPath } from './init/init.ts'
import { entriesMax } from './limits.ts'
import { busyboxPath, type PlacedSecret } from './secrets/placed.ts'

/** A mount of the OCI runtime spec (config.md, Mounts). */
export interface Mount {
  readonly destination: string
  readonly type?: string
  readonly source?: string
  readonly options?: readonly string[]
}

/** Files that every container has, by their path in it. */
export const etcFiles: ReadonlyMap<string, string> = new Map([
  ['/etc/hosts', 'hosts'],
  ['/etc/resolv.conf', 'resolv.conf'],
  ['/etc/hostname', 'hostname'],
])

/** The parts that mounts are made from. */
interface MountsInit {
  readonly container: ContainerObject
  readonly volumePaths: ReadonlyMap<string, string>
  readonly image: ImageConfig
  readonly facts: BundleFacts
  readonly account: Account
  readonly secrets: readonly PlacedSecret[]
}

/**
 * All mounts of a container: first those of the runtime, then its own, outer ones before inner
 * ones. A mount of the object replaces a default mount at the same path.
 */
export function mountsOf(base: readonly Mount[], init: MountsInit): readonly Mount[] {
  const asked = askedMounts(init)
  const isAsked = ({ destination }: Mount): boolean =>
    asked.some((mount) => mount.destination === destination)
  const given = [...fileMounts(init), ...imageVolumes(init)].filter((mount) => !isAsked(mount))
  const own = [...asked, ...given, ...busyboxMounts(init), ...initMounts(init)]
  const depthOf = ({ destination }: Mount): number => destination.split('/').length
  own.sort((a, b) => depthOf(a) - depthOf(b))
  const { shm_bytes: bytes } = init.container
  const rest = base
    .filter((mount) => !isAsked(mount))
    .map((mount) => (init.container.privileged ? writable(mount) : mount))
    .map((mount) => (init.container.host_pid ? ofHost(mount) : mount))
    .map(hardened)
  return [...rest.map((mount) => (bytes === undefined ? mount : sized(mount, bytes))), ...own]
}

/** The runtime's shared memory, of another size. */
function sized(mount: Mount, bytes: number): Mount {
  if (mount.destination !== '/dev/shm') return mount
  const others = (mount.options ?? []).filter((option) => !option.startsWith('size='))
  return { ...mount, options: [...others, `size=${bytes}`] }
}

/** The runtime's own mounts for a privileged container: `/sys` and its control group as well. */
function writable(mount: Mount): Mount {
  if (!/^\/sys(\/|$)/.test(mount.destination)) return mount
  return { ...mount, options: (mount.options ?? []).filter((option) => option !== 'ro') }
}

/** The host's `/proc` in place of one that only the owner of its processes may mount. */
function ofHost(mount: Mount): Mount {
  if (mount.destination !== '/proc') return mount
  const options = ['rbind', 'rprivate', 'rnosuid', 'rnodev', 'rnoexec', 'rro']
  return { destination: '/proc', type: 'bind', source: '/proc', options }
}

/** The runtime's own mounts, without programs and setuid in /proc. */
function hardened(mount: Mount): Mount {
  if (mount.destination !== '/proc' || mount.type === 'bind') return mount
  return { ...mount, options: ['nosuid', 'noexec', 'nodev'] }
}

/** The mounts that the object asks for. */
function askedMounts(init: MountsInit): readonly Mount[] {
  const { container, facts, account, secrets } = init
  const { filesDir, secretsDir } = facts
  const mounts = container.mounts.flatMap((mount) => ownMount(mount, init) ?? [])
  const files = container.files.map(({ path }, index) =>
    bind(`${filesDir}/${fileName(index)}`, path, ['ro']),
  )
  const sealed = secrets.map(({ file, path }) =>
    bind(`${secretsDir}/${file.name}`, path, ['ro', 'noexec']),
  )
  const memory = container.tmpfs.map((place) =>
    typeof place === 'string' ? tmpfs(place, account) : memoryOf(place, account),
  )
  return [...mounts, ...memory, ...files, ...sealed]
}

/** Undefined for a file of the host's time that this host has not. */
function ownMount(mount: MountObject, { facts, volumePaths }: MountsInit): Mount | undefined {
  const { volume, host_path = '', path, read_only } = mount
  if (volume === undefined) {
    const time = timeFiles.get(host_path)
    const part = hostPartOf(host_path)
    if (part !== undefined) {
      return hostMount(part.path === '/' ? facts.hostRoot : part.path, path, true)
    }
    if (time === undefined) {
      return hostMount(facts.hostPaths?.get(host_path) ?? host_path, path, read_only)
    }
    const options = ['ro', 'noexec']
    return facts.time.has(time) ? bind(`${facts.filesDir}/${time}`, path, options) : undefined
  }
  const below = mount.subpath === undefined ? '' : `/${mount.subpath}`
  const folder = volumePaths.get(volume)
  if (folder !== undefined) return hostMount(`${folder}${below}`, path, read_only)
  return bind(`${facts.volumesDir}/${volume}${below}`, path, read_only ? ['ro'] : ['rw'])
}

/** The host's busybox, if it puts a secret into the environment. */
function busyboxMounts({ facts: { busybox }, secrets }: MountsInit): readonly Mount[] {
  if (busybox === null || secrets.every(({ reading }) => reading.length === 0)) return []
  const options = ['bind', 'rprivate', 'ro', 'nosuid', 'nodev']
  return [{ destination: busyboxPath, type: 'bind', source: busybox, options }]
}

function initMounts({ container, facts }: MountsInit): readonly Mount[] {
  return container.init ? [bind(`${facts.filesDir}/${initFile}`, initPath, ['ro'])] : []
}

/** File name on the host of the entry at `index` of `files`. */
export function fileName(index: number): string {
  return `file-${index}`
}

function bind(source: string, destination: string, options: readonly string[]): Mount {
  const all = ['bind', 'rprivate', 'nosuid', 'nodev', ...options]
  return { destination, type: 'bind', source, options: all }
}

/** A bind mount of a path of the host with everything mounted below it, restricted alike. */
function hostMount(source: string, destination: string, isReadOnly: boolean): Mount {
  const options = ['rbind', 'rprivate', 'rnosuid', 'rnodev', isReadOnly ? 'rro' : 'rw']
  return { destination, type: 'bind', source, options }
}

/**
 * A file system in memory that belongs to the user and starts with the image's content of that
 * path.
 */
function tmpfs(destination: string, { uid, gid }: Account): Mount {
  const owner = [`uid=${uid}`, `gid=${gid}`]
  const options = ['nosuid', 'nodev', 'noexec', 'tmpcopyup', 'mode=1777', ...owner]
  return { destination, type: 'tmpfs', source: 'tmpfs', options }
}

/** Memory as its object says, and else as above. */
function memoryOf({ path, ...asked }: MemoryObject, account: Account): Mount {
  const { uid = account.uid, gid = account.gid, mode = '1777', size_bytes: bytes } = asked
  const start = asked.only_files ? 'ro' : 'tmpcopyup'
  const plain = ['nosuid', 'nodev', asked.exec ? 'exec' : 'noexec', start]
  const size = bytes === undefined ? [] : [`size=${bytes}`]
  const options = [...plain, `mode=${mode}`, `uid=${uid}`, `gid=${gid}`, ...size]
  return { destination: path, type: 'tmpfs', source: 'tmpfs', options }
}

function fileMounts({ facts }: MountsInit): readonly Mount[] {
  return [...etcFiles].map(([path, name]) =>
    bind(`${facts.filesDir}/${name}`, path, ['ro', 'noexec']),
  )
}

/**
 * Mounts for the volumes that an image declares. They lie in the container's writable layer like
 * all the rest; if that is read-only, they are memory, so that they can still be written to.
 */
function imageVolumes({ container, image, account }: MountsInit): readonly Mount[] {
  if (!container.read_only_root) return []
  return volumesOfImage(image).map((path) => tmpfs(path, account))
}

/** Paths that an image declares as volumes, without those that are not the image's to choose. */
export function volumesOfImage(image: ImageConfig): readonly string[] {
  const paths = new Set(image.volumes.map((path) => path.replace(/(?<=.)\/+$/, '')))
  return [...paths].filter((path) => mountPointFault(path) === undefined).slice(0, entriesMax)
}
