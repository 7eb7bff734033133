import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { CoveyError } from '../../../protocol/fault.ts'
import {
  type GrantFacts,
  hostPathRefusal,
  partRefusal,
} from '../../../reconcilers/runc/bundle/grants.ts'
import { hostPartOf } from '../../../reconcilers/runc/bundle/host-parts.ts'
import { closedFolders, isWithin } from '../../../reconcilers/runc/bundle/host-paths.ts'
import { mountPointFault } from '../../../reconcilers/runc/object/spec-fields.ts'
import type { ContainerPlaces, HostPlaces } from '../places.ts'
import { lives, type ProcessName } from '../processes.ts'
import { closedArea, type HostMounts, kernelTypeOf } from './host-areas.ts'
import { type MountsWanted, mountsFault, type WantedMount } from './judge-mounts.ts'
import { type Area, bytesOf, parseMountTable, tableText } from './mount-table.ts'
import { type AskedPath, type Opened, openPaths } from './opened.ts'

/** Facts that the mounts of one container are compared with. */
export interface MountsCheck {
  readonly process: ProcessName
  readonly places: ContainerPlaces
  readonly host: HostPlaces
  readonly grants: GrantFacts
}

const mountSchema = z.object({
  destination: z.string(),
  type: z.string().optional(),
  source: z.string().optional(),
  options: z.array(z.string()).default([]),
})
const texts = z.array(z.string()).default([])
const configSchema = z.object({
  root: z.object({ path: z.string() }),
  process: z.object({ terminal: z.boolean().default(false) }).default({ terminal: false }),
  mounts: z.array(mountSchema).default([]),
  linux: z.object({
    maskedPaths: texts,
    readonlyPaths: texts,
    devices: z.array(z.object({ path: z.string(), major: z.int(), minor: z.int() })).default([]),
    namespaces: z.array(z.object({ type: z.string() })).default([]),
  }),
})
type RuntimeConfig = z.infer<typeof configSchema>
type ConfiguredMount = z.infer<typeof mountSchema>

/** Nodes that every container has (config-linux.md of the OCI runtime spec, Default Devices). */
const usualNodes: readonly (readonly [path: string, device: string])[] = [
  ['/dev/null', '1:3'],
  ['/dev/zero', '1:5'],
  ['/dev/full', '1:7'],
  ['/dev/random', '1:8'],
  ['/dev/urandom', '1:9'],
  ['/dev/tty', '5:0'],
]

/**
 * Checks a process that waits to be started: what it sees of the host is what its config names and
 * the host grants. The runtime mounts by name, and whoever may write beside a granted folder can
 * exchange a name for a link in that moment; what is mounted by then, nobody exchanges any more.
 * Reads files alone, and takes about a millisecond.
 *
 * Errors: `mount-exchanged`, `mount-place`, `mount-closed`, `not-granted`, `container-create`.
 */
export function checkMounts(check: MountsCheck): void {
  const { process, places } = check
  const mounts = parseMountTable(readTable(process))
  const config = readConfig(places)
  const fault = mountsFault(wantedMounts(config, check), mounts)
  if (fault !== undefined) throw new CoveyError(fault.code, fault.message)
}

function readTable(process: ProcessName): string {
  try {
    const text = readFileSync(`/proc/${process.pid}/mountinfo`, 'latin1')
    if (lives(process)) return text
  } catch {
    // It has ended.
  }
  throw new CoveyError('container-create', 'its process ended before it was started')
}

function readConfig({ bundle }: ContainerPlaces): RuntimeConfig {
  try {
    return configSchema.parse(JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')))
  } catch (cause) {
    throw new CoveyError('container-create', 'its bundle was removed', { cause })
  }
}

function wantedMounts(config: RuntimeConfig, check: MountsCheck): MountsWanted {
  const { places, grants } = check
  const { maskedPaths, readonlyPaths, devices, namespaces } = config.linux
  const binds = config.mounts.filter(isBind)
  const others = config.mounts.filter((mount) => !isBind(mount)).map((each) => each.destination)
  const own = devices.map(({ path, major, minor }) => [path, `${major}:${minor}`] as const)
  const nodes = namespaces.some(({ type }) => type === 'user') ? [...usualNodes, ...own] : []
  const closed = [...closedFolders, ...grants.ownFolders]
  const root = resolve(places.bundle, config.root.path)
  const asked: readonly AskedPath[] = [
    ...[root, '/', check.host.volumes, ...closed].map((path) => ({ path, followsLast: true })),
    ...nodes.map(([path]) => ({ path, followsLast: false })),
    ...binds.map((mount) => askedBind(mount, check)),
  ]
  const { opened, mounts } = openPaths(asked)
  const next = opened.values()
  const take = (): Opened | null => next.next().value ?? null
  const rootfs = take()?.area
  if (rootfs === undefined) {
    throw new CoveyError('container-create', 'its root file system was unmounted')
  }
  const top = take()?.area ?? null
  const volumes = take()?.real ?? ''
  const areas = closed.flatMap((folder): HostMounts['closed'] => {
    const area = take()?.area
    return area === undefined ? [] : [{ name: `a part of ${folder}`, area }]
  })
  const host = { mounts, closed: areas, top }
  const known = nodes.flatMap(([path, device]): readonly (readonly [string, Area])[] => {
    const node = take()
    return node?.device === device ? [[bytesOf(path), node.area]] : []
  })
  const terminal = config.process.terminal ? ['/dev/console'] : []
  const nodePlaces = known.map(([path]) => path)
  return {
    rootfs,
    host,
    binds: binds.map((mount) => {
      const opened = take()
      expectPart(mount, opened, volumes, check)
      return wantedBind(mount, opened, host, check)
    }),
    nodes: new Map(known),
    places: [
      ...[...others, ...maskedPaths, ...readonlyPaths, ...terminal].map(bytesOf),
      ...nodePlaces,
    ],
    memory: others.filter((path) => mountPointFault(path) === undefined).map(bytesOf),
  }
}

function isBind({ type, options }: ConfiguredMount): boolean {
  return type === 'bind' || options.includes('bind') || options.includes('rbind')
}

/** Path that a mount asks for. A link is never followed at a path of covey's own. */
function askedBind(mount: ConfiguredMount, check: MountsCheck): AskedPath {
  return { path: mount.source ?? '', followsLast: ownName(mount, check) === null }
}

/** Name for people of a mount source that is covey's own; null for a path of the host. */
function ownName({ source = '', destination }: ConfiguredMount, check: MountsCheck): string | null {
  const { host, places } = check
  if (isWithin(source, host.volumes)) return `the volume ${source.slice(host.volumes.length + 1)}`
  if (isWithin(source, places.files)) return `its file ${destination}`
  if (isWithin(source, places.secrets)) return `its secret ${destination}`
  if (source === places.hostRoot) return 'the root of the host'
  return null
}

/** A part of a volume is reached by no link: whoever writes in the volume could have made it. */
function expectPart(
  { source = '' }: ConfiguredMount,
  opened: Opened | null,
  volumes: string,
  { host }: MountsCheck,
): void {
  const part = isWithin(source, host.volumes) ? source.slice(host.volumes.length + 1) : ''
  if (opened === null || !part.includes('/')) return
  if (opened.real === `${volumes}/${bytesOf(part)}`) return
  const message = `the volume ${part} goes by a symbolic link: put the real file or folder there`
  throw new CoveyError('mount-exchanged', message)
}

function wantedBind(
  mount: ConfiguredMount,
  opened: Opened | null,
  host: HostMounts,
  check: MountsCheck,
): WantedMount {
  const { source = '', destination, options } = mount
  const name = ownName(mount, check)
  // Nobody but covey mounts anything there.
  const isOwnPlace = mountPointFault(destination) !== undefined
  const what = name ?? (isOwnPlace ? `${source} of the host` : `host_path ${source}`)
  if (opened === null) {
    throw new CoveyError('container-create', `${what}: ${source} does not exist on this host`)
  }
  const isPart = name === null && !isOwnPlace && hostPartOf(source) !== undefined
  if (isPart) expectPartGranted(source, opened, host, check.grants)
  else if (name === null && !isOwnPlace) expectGranted(source, opened, host, check.grants)
  if (opened.isLink) {
    const message = `${what}: ${source} is a symbolic link: put the real file or folder there`
    throw new CoveyError('mount-exchanged', message)
  }
  const strict = ['ro', 'nosuid', 'nodev', 'noexec']
  const isDeep = options.includes('rbind')
  return {
    what,
    destination: bytesOf(destination),
    area: opened.area,
    real: opened.real,
    options: strict.filter((each) => options.includes(each) || options.includes(`r${each}`)),
    deepOptions: isDeep ? strict.filter((each) => options.includes(`r${each}`)) : null,
    isOwnPlace,
    isPart: isPart || (isOwnPlace && source === '/proc'),
  }
}

/** The same for a part of the host: it is of the kernel's own kind, or lies in its folder. */
function expectPartGranted(
  path: string,
  { real, area }: Opened,
  host: HostMounts,
  grants: GrantFacts,
): void {
  const refusal = partRefusal(path, tableText(real), grants)
  if (refusal !== undefined) throw new CoveyError('not-granted', refusal)
  const [, top] = path.split('/')
  const wanted = new Map([
    ['proc', 'proc'],
    ['sys', 'sysfs'],
  ]).get(top ?? '')
  if (wanted === undefined || kernelTypeOf(area, host) === wanted) return
  throw new CoveyError('mount-closed', `host_path ${path} is no ${wanted} of the host`)
}

/** Grants hold for what was opened, whatever its name leads to by now. */
function expectGranted(
  path: string,
  { real, area }: Opened,
  host: HostMounts,
  grants: GrantFacts,
): void {
  const refusal = hostPathRefusal(path, tableText(real), grants)
  if (refusal !== undefined) throw new CoveyError('not-granted', refusal)
  const type = kernelTypeOf(area, host)
  const closed = type === undefined ? closedArea(area, host) : `a mount of ${type}`
  if (closed === undefined) return
  throw new CoveyError('mount-closed', `host_path ${path} is ${closed}, which is never mounted`)
}
