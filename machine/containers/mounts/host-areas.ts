import {
  type Area,
  doOverlap,
  isSameArea,
  type MountEntry,
  restBelow,
  tableText,
  withRest,
} from './mount-table.ts'

/** Mounts of the host, to judge which parts are visible in a container. */
export interface HostMounts {
  readonly mounts: readonly MountEntry[]
  /** Folders of which no container gets anything, with what is said of them. */
  readonly closed: readonly { readonly name: string; readonly area: Area }[]
  /** The root of the host, which nobody gets as a whole. */
  readonly top: Area | null
}

/** File systems that are the kernel's own view of the host, wherever they are mounted. */
const kernelTypes: ReadonlySet<string> = new Set([
  ...['proc', 'sysfs', 'devtmpfs', 'devpts', 'cgroup', 'cgroup2', 'securityfs', 'selinuxfs'],
  ...['debugfs', 'tracefs', 'configfs', 'bpf', 'pstore', 'efivarfs', 'binfmt_misc', 'nsfs'],
])

/** Name of an area that is never mounted, such as `a part of /run`; undefined for others. */
export function closedArea(area: Area, { closed, top }: HostMounts): string | undefined {
  if (top !== null && isSameArea(area, top)) return 'the whole host'
  return closed.find((each) => doOverlap(each.area, area))?.name
}

/** The same for a mount that comes along with another one; it completes `host_path X holds …`. */
export function subMountFault(mount: MountEntry, host: HostMounts): string | undefined {
  const where = `at ${tableText(mount.point)}`
  if (kernelTypes.has(mount.type))
    return `a mount of ${mount.type} ${where}, which is never mounted`
  const closed = closedArea(mount.area, host)
  return closed === undefined ? undefined : `${closed} ${where}, which is never mounted`
}

/** Type of the file system of an area if it is one of the kernel's own, else undefined. */
export function kernelTypeOf(area: Area, { mounts }: HostMounts): string | undefined {
  const type = mounts.find((each) => each.area.device === area.device)?.type ?? ''
  return kernelTypes.has(type) ? type : undefined
}

/**
 * Path of an area on the host, by the nearest mount; null if it is not visible there.
 * Bytes.
 */
export function hostNameOf(area: Area, { mounts }: HostMounts): string | null {
  let [nearest, name] = [-1, null as string | null]
  for (const mount of mounts) {
    const { device, root } = mount.area
    const rest = device === area.device ? restBelow(area.root, root) : undefined
    if (rest === undefined || root.length <= nearest) continue
    nearest = root.length
    name = withRest(mount.point, rest)
  }
  return name
}
