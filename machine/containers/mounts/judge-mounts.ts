import { mountPointFault } from '../../../reconcilers/runc/object/spec-fields.ts'
import { type HostMounts, hostNameOf, subMountFault } from './host-areas.ts'
import {
  type Area,
  isSameArea,
  type MountEntry,
  restBelow,
  tableText,
  withRest,
} from './mount-table.ts'

/** A bind mount that a container was to get. Paths are bytes. */
export interface WantedMount {
  /** Begins a sentence: `host_path /srv/data`, `the volume data`. */
  readonly what: string
  /** Destination in its config; links of the image may lead it elsewhere. */
  readonly destination: string
  readonly area: Area
  /** Without links on the way. */
  readonly real: string
  /** Options that it must have, as `nosuid`. */
  readonly options: readonly string[]
  /** The same for what the host has mounted below it; null where that does not come along. */
  readonly deepOptions: readonly string[] | null
  /** True for a part of the host's kernel, with whatever of the kernel is mounted in it. */
  readonly isPart?: boolean
  /** True if covey itself chose the destination, where nothing else may be mounted. */
  readonly isOwnPlace: boolean
}

/** Mounts that a container should have, and facts of its host. */
export interface MountsWanted {
  readonly rootfs: Area
  readonly binds: readonly WantedMount[]
  /** Destinations of the runtime's own mounts: `/proc`, masked paths. Bytes. */
  readonly places: readonly string[]
  /** Destinations of memory file systems. Bytes. */
  readonly memory: readonly string[]
  /** Nodes of the host's `/dev` that may be seen at these places, for a user namespace. */
  readonly nodes: ReadonlyMap<string, Area>
  readonly host: HostMounts
}

/** Reason that a container may not run with its mounts. */
export interface MountFault {
  readonly code: 'mount-exchanged' | 'mount-place' | 'mount-closed'
  readonly message: string
}

/**
 * Compares the mounts of a container with what it was to get. Each of them has to come from where
 * the config says: one that nothing explains is refused, so that no name that led elsewhere for a
 * moment is missed. Pure.
 */
export function mountsFault(
  wanted: MountsWanted,
  mounts: readonly MountEntry[],
): MountFault | undefined {
  const found = matched(wanted, mounts)
  const missing = wanted.binds.find((bind) => !found.has(bind))
  if (missing !== undefined) return exchanged(missing, found, wanted, mounts)
  for (const [bind, mount] of found) {
    const fault = placeFault(bind, mount) ?? optionFault(bind.what, bind.options, mount)
    if (fault !== undefined) return fault
  }
  const own = new Set(found.values())
  const free = [...wanted.places]
  let roots = 0
  for (const mount of mounts) {
    if (own.has(mount)) continue
    if (mount.point === '/' && isSameArea(mount.area, wanted.rootfs) && roots === 0) {
      roots++
      continue
    }
    const above = broughtBy(mount, found, wanted, mounts)
    const fault =
      above === null ? ownFault(mount, free, wanted, mounts) : below(mount, above, wanted)
    if (fault !== undefined) return fault
  }
  if (roots === 1) return undefined
  return { code: 'mount-exchanged', message: 'its root file system is not the one of its image' }
}

/** The mount of each bind: first those at their places, then those that a link led elsewhere. */
function matched(
  wanted: MountsWanted,
  mounts: readonly MountEntry[],
): ReadonlyMap<WantedMount, MountEntry> {
  const found = new Map<WantedMount, MountEntry>()
  const taken = new Set<MountEntry>()
  const take = (bind: WantedMount, mount: MountEntry | undefined): void => {
    if (mount === undefined) return
    found.set(bind, mount)
    taken.add(mount)
  }
  for (const bind of wanted.binds) {
    const isIts = ({ point, area }: MountEntry): boolean =>
      point === bind.destination && isSameArea(area, bind.area)
    take(
      bind,
      mounts.findLast((mount) => isIts(mount) && !taken.has(mount)),
    )
  }
  for (const bind of wanted.binds) {
    if (found.has(bind)) continue
    const rest = mounts.filter((mount) => {
      if (taken.has(mount) || !isSameArea(mount.area, bind.area)) return false
      return broughtBy(mount, found, wanted, mounts) === null
    })
    const hasAll = ({ options }: MountEntry): boolean =>
      bind.options.every((option) => options.has(option))
    take(bind, rest.find(hasAll) ?? rest[0])
  }
  return found
}

/** The bind that brought a mount along: the host has the same one at the same place below it. */
function broughtBy(
  mount: MountEntry,
  found: ReadonlyMap<WantedMount, MountEntry>,
  { host }: MountsWanted,
  mounts: readonly MountEntry[],
): WantedMount | null {
  for (const [bind, top] of found) {
    if (bind.deepOptions === null || !isAbove(top, mount, mounts)) continue
    const rest = restBelow(mount.point, top.point)
    if (rest === undefined || rest === '') continue
    const point = withRest(bind.real, rest)
    if (host.mounts.some((each) => each.point === point && isSameArea(each.area, mount.area))) {
      return bind
    }
  }
  return null
}

function isAbove(top: MountEntry, mount: MountEntry, mounts: readonly MountEntry[]): boolean {
  let at: MountEntry | undefined = mount
  for (let steps = mounts.length; at !== undefined && steps > 0; steps--) {
    if (at.parent === top.id) return true
    const above: number = at.parent
    at = mounts.find(({ id }) => id === above)
  }
  return false
}

function exchanged(
  { what, destination, real }: WantedMount,
  found: ReadonlyMap<WantedMount, MountEntry>,
  { host }: MountsWanted,
  mounts: readonly MountEntry[],
): MountFault {
  const own = new Set(found.values())
  const other = mounts.findLast((mount) => mount.point === destination && !own.has(mount))
  const name = other === undefined ? null : hostNameOf(other.area, host)
  const isGone = name === null || name.endsWith('//deleted')
  const got = isGone ? 'something else was mounted' : `${tableText(name)} was mounted`
  const message = `${what} was replaced while it was being mounted: ${got} instead of ${tableText(real)}`
  return { code: 'mount-exchanged', message: `${message}; check who may write next to it` }
}

/** Links in an image, or in what is mounted, must not lead a mount to where none may be. */
function placeFault(bind: WantedMount, { point }: MountEntry): MountFault | undefined {
  if (point === bind.destination) return undefined
  const led = `${tableText(bind.destination)} leads to ${tableText(point)} by a link in the container`
  const reason = bind.isOwnPlace
    ? 'what covey mounts there must not be anywhere else'
    : mountPointFault(tableText(point))
  return reason === undefined ? undefined : { code: 'mount-place', message: `${led}: ${reason}` }
}

function optionFault(
  what: string,
  options: readonly string[],
  mount: MountEntry,
): MountFault | undefined {
  const missing = options.find((option) => !mount.options.has(option))
  if (missing === undefined) return undefined
  return { code: 'mount-exchanged', message: `${what} was mounted without ${missing}` }
}

/** Judges a mount that the host has below a path of its own. */
function below(mount: MountEntry, bind: WantedMount, wanted: MountsWanted): MountFault | undefined {
  const closed = bind.isPart ? undefined : subMountFault(mount, wanted.host)
  if (closed !== undefined) return { code: 'mount-closed', message: `${bind.what} holds ${closed}` }
  return optionFault(`what is mounted below ${bind.what}`, bind.deepOptions ?? [], mount)
}

/** Judges the runtime's own mounts: file systems that the host does not have, or known ones. */
function ownFault(
  mount: MountEntry,
  free: string[],
  wanted: MountsWanted,
  mounts: readonly MountEntry[],
): MountFault | undefined {
  const { point, area, type } = mount
  if (isControlGroup(mount)) return undefined
  const isNew = !wanted.host.mounts.some((each) => each.area.device === area.device)
  const place = free.indexOf(point)
  if (place >= 0 && (isNew || isOwnSystem(mount) || isKnownNode(mount, wanted))) {
    free.splice(place, 1)
    return undefined
  }
  if (isNew && type === 'tmpfs') {
    const reason = mountPointFault(tableText(point))
    if (reason === undefined) return undefined
    const asked = wanted.memory.find((each) => !mounts.some((other) => other.point === each))
    const led = `${tableText(asked ?? point)} leads to ${tableText(point)} by a link in the container`
    return { code: 'mount-place', message: `${led}: ${reason}` }
  }
  const name = hostNameOf(area, wanted.host)
  const what = name === null ? `something of type ${type}` : tableText(name)
  const message = `${what} is mounted at ${tableText(point)}, where nothing asked for it`
  return { code: 'mount-exchanged', message }
}

function isControlGroup({ point, type }: MountEntry): boolean {
  const rest = restBelow(point, '/sys/fs/cgroup')
  return rest !== undefined && rest.lastIndexOf('/') <= 0 && /^cgroup2?$/.test(type)
}

/** The host has it as well, at the same place. */
function isOwnSystem({ point, area, type }: MountEntry): boolean {
  return type === 'sysfs' && withRest('/sys', area.root === '/' ? '' : area.root) === point
}

/** The runtime makes no nodes for a user namespace, and hides a path behind the host's own one. */
function isKnownNode({ point, area }: MountEntry, { nodes }: MountsWanted): boolean {
  const node = nodes.get(point) ?? nodes.get('/dev/null')
  return node !== undefined && isSameArea(node, area)
}
