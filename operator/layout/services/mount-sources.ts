import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { VolumeEntry } from '../../compose/project.ts'
import type { Beside, StackSource } from '../inputs.ts'
import { labelOf } from './members.ts'
import { objectName } from './object-names.ts'

/** Where what a service mounts comes from. */
export type MountSource =
  /** A volume object; `path` where it is a folder of the host; `mustExist` for an external one. */
  | {
      readonly kind: 'volume'
      readonly object: string
      readonly path: string | undefined
      /** The name that an external volume is known by. */
      readonly external: string | undefined
      /** For people: `the volume shop/data`. */
      readonly text: string
    }
  /** A path of the host. */
  | { readonly kind: 'host'; readonly path: string }
  /** A path of the host that only says something of it, read-only. */
  | { readonly kind: 'facts'; readonly path: string }
  /** A folder below that of the stack on the host; `''` for that itself. */
  | { readonly kind: 'dir'; readonly subpath: string }
  /** Files that lie beside the Compose file. */
  | { readonly kind: 'beside'; readonly beside: Beside }
  | { readonly kind: 'tmpfs' }
  /** Not taken, for this reason. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Paths of which a container may only read, which tie nobody together (docs/LAYOUT.md, Paths). */
const factPaths: readonly string[] = [
  ...['/etc/localtime', '/etc/timezone', '/proc', '/sys', '/run/dbus', '/run/udev'],
  ...['/var/run/dbus', '/var/run/udev'],
]
/** Those of which what lies below counts as well. */
const factFolders: readonly string[] = factPaths.filter((path) => !path.startsWith('/etc/'))

/** The volume in which relative paths of a stack lie on a host. */
export function dirVolume(stack: string): string {
  return objectName('', stack === '' ? 'services' : stack, '_dir_v')
}

/** Where a mount of a service comes from. */
export function mountSource(stack: StackSource, service: string, entry: VolumeEntry): MountSource {
  if (entry.kind === 'tmpfs') return { kind: 'tmpfs' }
  const { source } = entry
  if (entry.kind === 'volume') return volumeSource(stack, service, source, entry.target)
  if (source === undefined) return { kind: 'refused', reason: 'names no path' }
  return source.startsWith('/') ? hostSource(source) : relativeSource(stack, source)
}

function hostSource(source: string): MountSource {
  const path = posix.normalize(source).replace(/(?<=.)\/$/, '')
  const isFact =
    path === '/' ||
    factPaths.includes(path) ||
    factFolders.some((folder) => path.startsWith(`${folder}/`))
  if (isFact) return { kind: 'facts', path: path.replace(/^\/var\/run\//, '/run/') }
  return { kind: 'host', path }
}

function relativeSource(stack: StackSource, source: string): MountSource {
  const beside = stack.beside.get(source)
  if (beside?.kind === 'refused') return { kind: 'refused', reason: beside.reason }
  if (beside !== undefined) return { kind: 'beside', beside }
  const path = posix.normalize(source).replace(/\/$/, '')
  if (path === '..' || path.startsWith('../')) {
    const reason = `${source} leads out of the folder of the stack: write the host's path`
    return { kind: 'refused', reason }
  }
  return { kind: 'dir', subpath: path === '.' ? '' : path }
}

function volumeSource(
  { name, project, options }: StackSource,
  service: string,
  key: string | undefined,
  target: string,
): MountSource {
  if (key === undefined) {
    const digest = createHash('sha256').update(target).digest('hex').slice(0, 8)
    const object = objectName(name, `${service}-${digest}`, '_v')
    const text = `a volume of ${labelOf(name, service)}`
    return { kind: 'volume', object, path: undefined, external: undefined, text }
  }
  const volume = project.volumes.get(key)
  const isShared = volume?.isExternal === true || volume?.fixedName !== undefined
  const shared = volume?.fixedName ?? key
  const object = isShared ? objectName('', shared, '_v') : objectName(name, key, '_v')
  const text = `the volume ${isShared ? shared : labelOf(name, key)}`
  const adopted = options.volumes.get(key)
  if (adopted !== undefined) {
    return { kind: 'volume', object, path: adopted, external: undefined, text }
  }
  const option = (name: string): string => volume?.driverOptions.get(name)?.value ?? ''
  const isBind = /(^|,)r?bind(,|$)/.test(option('o'))
  const device = option('device')
  if ((volume?.driverOptions.size ?? 0) > 0 && !(isBind && device.startsWith('/'))) {
    const type = option('type') || 'such'
    const reason = `a volume of ${type} options is not mounted by covey: mount it on the host, and name its path: volumes: { ${key}: /PATH } of the stack`
    return { kind: 'refused', reason }
  }
  const path = isBind ? device : undefined
  return { kind: 'volume', object, path, external: volume?.isExternal ? shared : undefined, text }
}
