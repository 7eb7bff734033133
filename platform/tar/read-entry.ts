import { paxNumber, paxTime } from './pax.ts'
import { refuse } from './refuse.ts'
import type { SparseMap } from './sparse.ts'
import type { EntryKind, TarEntry } from './tar-entry.ts'
import type { RawHeader } from './tar-header.ts'

/** Extended headers before an entry's own header. */
export interface Extension {
  /** GNU long name and long link. */
  readonly path: string | null
  readonly target: string | null
  /** Of a pax header. */
  readonly records: ReadonlyMap<string, string>
  /** Those of GNU's sparse formats, in their order and with repetitions. */
  readonly sparseRecords: readonly (readonly [key: string, value: string])[]
}

const kinds: Readonly<Record<string, EntryKind>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'folder',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
}

const xattrPrefix = 'SCHILY.xattr.'
const idMax = 2 ** 32 - 2

/**
 * An entry as its headers have it together: GNU's long names win over what a pax header says, and
 * that over the header itself, as in Go's archive/tar, which other container tools read with.
 * `mapBytes` of its data were the map of a sparse file.
 */
export function entryOf(
  header: RawHeader,
  extension: Extension,
  sparse: SparseMap | null,
  mapBytes: number,
): TarEntry {
  const { records } = extension
  const said = (key: string): string | undefined => records.get(key) || undefined
  const path = said('GNU.sparse.name') ?? extension.path ?? said('path') ?? header.name
  const kind = kindOf(header, path)
  const size = said('size')
  const bytes = size === undefined ? header.sizeBytes : paxNumber(size, 'size')
  const time = said('mtime')
  // Programs write all sorts of sizes for what has no data, and then no data.
  const dataBytes = kind === 'file' ? bytes - mapBytes : 0
  if (dataBytes < 0) refuse('layer-invalid', 'the map of a sparse file is damaged')
  return {
    kind,
    path,
    mode: header.mode & 0o7777,
    uid: idOf(said('uid'), header.uid, 'owner'),
    gid: idOf(said('gid'), header.gid, 'group'),
    dataBytes,
    time: time === undefined ? timeOf(header.mtime) : paxTime(time),
    target: kind.endsWith('link') ? (extension.target ?? said('linkpath') ?? header.linkName) : '',
    major: kind.endsWith('device') ? header.major : 0,
    minor: kind.endsWith('device') ? header.minor : 0,
    xattrs: xattrsOf(records),
    sparse,
  }
}

function kindOf(header: RawHeader, path: string): EntryKind {
  const kind = kinds[header.type]
  if (kind === undefined) {
    const type = JSON.stringify(header.type)
    return refuse('layer-invalid', `an entry of type ${type}, which no image has`)
  }
  // Before ustar a folder was a file whose name ends in a slash.
  return header.type === '\0' && path.endsWith('/') ? 'folder' : kind
}

function idOf(said: string | undefined, own: number, what: string): number {
  const id = said === undefined ? own : paxNumber(said, what)
  if (id < 0 || id > idMax)
    refuse('layer-invalid', `the ${what} of an entry is not a valid id: ${id}`)
  return id
}

function timeOf(seconds: number): TarEntry['time'] {
  return { seconds: Math.abs(seconds), fraction: '', isNegative: seconds < 0 }
}

function xattrsOf(records: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const xattrs = new Map<string, string>()
  for (const [key, value] of records) {
    if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), value)
  }
  return xattrs
}
