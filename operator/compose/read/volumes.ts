import { normalize } from 'node:path/posix'
import type { ComposeService, VolumeEntry } from '../project.ts'
import { parseByteSize } from '../texts/quantities.ts'
import type { Cursor } from './cursor.ts'
import { bindSource, isPathSource, withoutSlash } from './sources.ts'

/** The parts of the service that the reading of a mount needs. */
export interface MountContext {
  /** Folder of the project. */
  readonly folder: string
  /** Image of the service, as far as it is known. */
  readonly image: string
}

const silent = new Set(['rw', 'z', 'Z', 'cached', 'delegated', 'consistent', 'rprivate', 'private'])
const propagations = new Set(['shared', 'rshared', 'slave', 'rslave'])

/** Mounts of a service; of several at one target the last, as after the merging of files. */
export function readVolumes(list: Cursor, context: MountContext): readonly VolumeEntry[] {
  const entries = new Map<string, VolumeEntry>()
  for (const item of list.items()) {
    const entry = item.tree?.kind === 'map' ? longVolume(item, context) : shortVolume(item, context)
    if (entry !== undefined) entries.set(entry.target, entry)
  }
  return [...entries.values()]
}

function shortVolume(item: Cursor, context: MountContext): VolumeEntry | undefined {
  const leaf = item.leaf('a mount')
  if (leaf === undefined) return undefined
  const parts = /^[A-Za-z]:\\/.test(leaf.text) ? [leaf.text, '/'] : leaf.text.split(':')
  const [source, target] = parts.length === 1 ? [undefined, parts[0]] : parts
  if (parts.length > 3 || parts.includes('')) {
    return item.fault(`must be [SOURCE:]TARGET[:OPTIONS], with nothing empty: ${item.shown}`)
  }
  const options = new Set((parts[2] ?? '').split(',').filter((option) => option !== ''))
  noteOptions(item, options)
  const isPath = source !== undefined && isPathSource(source)
  const written = isPath ? bindSource(item, leaf, source, context) : source
  const place = targetOf(item, target ?? '')
  if ((isPath && written === undefined) || place === undefined) return undefined
  return {
    kind: isPath ? 'bind' : 'volume',
    source: written,
    target: place,
    isReadOnly: options.has('ro'),
    makesSource: isPath,
    noCopy: options.has('nocopy'),
    subpath: undefined,
    tmpfs: undefined,
    place: item.place,
  }
}

function noteOptions(item: Cursor, options: ReadonlySet<string>): void {
  for (const option of options) {
    if (option === 'ro' || option === 'nocopy' || silent.has(option)) continue
    const message = propagations.has(option)
      ? `mounts made later do not pass on: "${option}" has no effect`
      : `"${option}" is no option of a mount, and has no effect`
    item.note(message)
  }
}

function targetOf(item: Cursor, target: string): string | undefined {
  if (!target.startsWith('/')) {
    return item.fault(`the target must be an absolute path in the container: ${item.shown}`)
  }
  return withoutSlash(normalize(target))
}

function longVolume(item: Cursor, context: MountContext): VolumeEntry | undefined {
  const kind = item.at('type').text()
  const source = item.at('source')
  const target = targetOf(item.at('target'), item.at('target').text() ?? '')
  if (kind !== 'volume' && kind !== 'bind' && kind !== 'tmpfs') {
    const code = kind === undefined ? undefined : 'compose-refused'
    return item.at('type').fault('must be volume, bind or tmpfs', code)
  }
  const written =
    kind === 'bind' ? longBind(source, context) : kind === 'tmpfs' ? undefined : source.text()
  if (target === undefined || (kind === 'bind' && written === undefined)) return undefined
  const bind = item.at('bind')
  const propagation = bind.at('propagation')
  if (propagations.has(propagation.text() ?? '')) {
    propagation.note('mounts made later do not pass on: it has no effect')
  }
  return {
    kind,
    source: written === '' ? undefined : written,
    target,
    isReadOnly: item.at('read_only').boolean() ?? false,
    makesSource:
      kind === 'bind' && !bind.isAbsent && (bind.at('create_host_path').boolean() ?? true),
    noCopy: item.at('volume').at('nocopy').boolean() ?? false,
    subpath: item.at('volume').at('subpath').text(),
    tmpfs: kind === 'tmpfs' ? longTmpfs(item.at('tmpfs')) : undefined,
    place: item.place,
  }
}

function longBind(source: Cursor, context: MountContext): string | undefined {
  const leaf = source.leaf('a path')
  if (leaf === undefined || leaf.text === '') return source.fault('a bind has a "source"')
  return bindSource(source, leaf, leaf.text, context)
}

function longTmpfs(tmpfs: Cursor): NonNullable<VolumeEntry['tmpfs']> {
  const sizeBytes = tmpfs.at('size').bytes()
  const mode = octalMode(tmpfs.at('mode'))
  return {
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
  }
}

/**
 * A mode as octal text of four digits. A number is what YAML makes of it, so `0440` and 288 are the
 * same, and `"440"` is octal.
 */
export function octalMode(cursor: Cursor): string | undefined {
  const leaf = cursor.leaf('a mode')
  if (leaf === undefined || cursor.isAbsent || leaf.text === '') return undefined
  const digits =
    leaf.type === 'number' ? Number(leaf.text).toString(8) : leaf.text.replace(/^0o?/, '')
  if (/^[0-7]{1,4}$/.test(digits === '' ? '0' : digits)) return digits.padStart(4, '0')
  return cursor.fault(`must be an octal mode, as "0440": ${cursor.shown}`)
}

type TmpfsEntry = ComposeService['tmpfs'][number]

/** The key `tmpfs`: `PATH`, or `PATH:size=64m,mode=1777,uid=…,gid=…,exec`. */
export function readTmpfs(list: Cursor): readonly TmpfsEntry[] {
  const entries = new Map<string, TmpfsEntry>()
  for (const item of list.items()) {
    const [path = '', ...rest] = (item.text() ?? '').split(':')
    const target = targetOf(item, path)
    if (target === undefined) continue
    const options = rest
      .join(':')
      .split(',')
      .filter((option) => option !== '')
    entries.set(target, { path: target, ...tmpfsOptions(item, options) })
  }
  return [...entries.values()]
}

const tmpfsSilent = new Set([
  'rw',
  'nosuid',
  'nodev',
  'noexec',
  'async',
  'atime',
  'noatime',
  'relatime',
])

function tmpfsOptions(item: Cursor, options: readonly string[]): Omit<TmpfsEntry, 'path'> {
  const found: { -readonly [Key in keyof TmpfsEntry]?: TmpfsEntry[Key] } = {}
  for (const option of options) {
    const [key = '', value = ''] = option.split('=', 2)
    const size = key === 'size' ? parseByteSize(value) : undefined
    if (size !== undefined) found.sizeBytes = size
    else if (key === 'mode' && /^[0-7]{1,5}$/.test(value)) found.mode = Number.parseInt(value, 8)
    else if ((key === 'uid' || key === 'gid') && /^\d{1,10}$/.test(value))
      found[key] = Number(value)
    else if (option === 'exec') found.exec = true
    else if (['size', 'mode', 'uid', 'gid'].includes(key)) {
      item.fault(
        `"${key}" must be ${key === 'size' ? 'a size, as 64m' : 'a number'}: ${item.shown}`,
      )
    } else if (!tmpfsSilent.has(option)) item.note(`"${key}" of a tmpfs has no effect`)
  }
  return found
}
