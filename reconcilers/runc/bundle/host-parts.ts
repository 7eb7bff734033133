import { isWithin } from './host-paths.ts'

/** A part of the host that a container may only read, under a grant of its own. */
interface HostPart {
  readonly grant: 'dbus' | 'udev' | 'host-metrics'
  /** Its path, with `/run` for `/var/run`. */
  readonly path: string
  /** The path that the grant opens: the same, or one above it. */
  readonly opened: string
}

/** The grant of each part, and whether what lies below it counts as well. */
const parts: readonly (readonly [path: string, grant: HostPart['grant'], isDeep: boolean])[] = [
  ['/run/dbus', 'dbus', true],
  ['/run/udev', 'udev', true],
  ['/', 'host-metrics', false],
  ['/proc', 'host-metrics', false],
  ['/sys', 'host-metrics', true],
]

/** The part that a path of the host names; undefined where it is any other path. */
export function hostPartOf(path: string): HostPart | undefined {
  const plain = path.replace(/^\/var\/run\//, '/run/')
  const part = parts.find(([own, , isDeep]) => (isDeep ? isWithin(plain, own) : plain === own))
  return part === undefined ? undefined : { grant: part[1], path: plain, opened: part[0] }
}

/** True for a real path of the host that a part may turn out to be: no link leads out of it. */
export function isInPart({ opened }: HostPart, real: string): boolean {
  return opened === '/' ? real === '/' : isWithin(real, opened)
}

/** Fields by which a container may see the processes of its host, or all of its files. */
interface HostViews {
  readonly host_pid?: boolean | undefined
  readonly mounts: readonly { readonly host_path?: string | undefined }[]
}

/** True where a container needs users of its own: it sees the host's processes, or its files. */
export function seesHost({ host_pid: isShared = false, mounts }: HostViews): boolean {
  const views = mounts.map(({ host_path: path = '' }) => path)
  return isShared || views.includes('/') || views.includes('/proc')
}
