import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { type Area, type MountEntry, parseMountTable, restBelow, withRest } from './mount-table.ts'

/** Opens nothing but the place itself (open(2)); Node has no name for it. */
export const oPath: number = 0o10000000

/** A name in an opened folder, whatever that folder is called by now. */
export function inFolder(folder: number, name: string): string {
  return `/proc/self/fd/${folder}/${name}`
}

/** Hands over a place that is opened without its content; null where it cannot be opened. */
export function withOpened<T>(path: string, flags: number, use: (file: number) => T): T | null {
  let file: number
  try {
    file = openSync(path, oPath | flags)
  } catch {
    return null
  }
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}

/** Target of a path of the host at one moment. */
export interface Opened {
  /** Real path, without any link. Bytes. */
  readonly real: string
  readonly area: Area
  /** True if it is a link that was not followed. */
  readonly isLink: boolean
  /** Major and minor number of a device, as `1:3`; null for anything else. */
  readonly device: string | null
}

/** Major and minor number, as makedev(3) packs them. */
export function deviceNumbers(rdev: bigint): { readonly major: number; readonly minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)
  return { major: Number(major), minor: Number(minor) }
}

/** Targets of several paths, and all mounts of the host at that time. */
export interface OpenedPaths {
  /** As the paths were asked for; null where there was nothing, or it went away meanwhile. */
  readonly opened: readonly (Opened | null)[]
  readonly mounts: readonly MountEntry[]
}

/** A path, and whether its last part may be a link. */
export interface AskedPath {
  readonly path: string
  readonly followsLast: boolean
}

/**
 * Opens paths and asks the kernel what was opened. All that is said of one path is said of one and
 * the same object, whoever changes its names meanwhile.
 */
export function openPaths(asked: readonly AskedPath[]): OpenedPaths {
  const files = asked.map(({ path, followsLast }) => {
    try {
      return openSync(path, oPath | (followsLast ? 0 : constants.O_NOFOLLOW))
    } catch {
      return null
    }
  })
  try {
    // An open file keeps its mount, so the table knows it.
    const mounts = parseMountTable(readFileSync('/proc/self/mountinfo', 'latin1'))
    return { opened: files.map((file) => (file === null ? null : openedOf(file, mounts))), mounts }
  } finally {
    for (const file of files) if (file !== null) closeSync(file)
  }
}

function openedOf(file: number, mounts: readonly MountEntry[]): Opened | null {
  const stat = fstatSync(file, { bigint: true })
  const real = readlinkSync(`/proc/self/fd/${file}`, 'latin1')
  // It was removed meanwhile, and has no name any more.
  if (stat.nlink === 0n && real.endsWith(' (deleted)')) return null
  const [, id] =
    /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, 'latin1')) ?? []
  const mount = mounts.find((each) => each.id === Number(id))
  const rest = mount === undefined ? undefined : restBelow(real, mount.point)
  if (mount === undefined || rest === undefined) return null
  const area = { device: mount.area.device, root: withRest(mount.area.root, rest) }
  const { major, minor } = deviceNumbers(stat.rdev)
  const device = stat.isCharacterDevice() || stat.isBlockDevice() ? `${major}:${minor}` : null
  return { real, area, isLink: stat.isSymbolicLink(), device }
}
