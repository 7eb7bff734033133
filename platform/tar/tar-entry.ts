import type { Moment } from './pax.ts'
import type { SparseMap } from './sparse.ts'

/** Kind of an entry. */
export type EntryKind =
  | 'file'
  | 'folder'
  | 'symlink'
  | 'hardlink'
  | 'character-device'
  | 'block-device'
  | 'fifo'

/** One entry of a tar archive, with its extended headers applied. Texts are bytes (latin1). */
export interface TarEntry {
  readonly kind: EntryKind
  /** As it stands in the archive. */
  readonly path: string
  /** Permission bits, set-id and sticky bits included. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of data that follow in the archive; for a sparse file what is stored of it. */
  readonly dataBytes: number
  readonly time: Moment
  /** Target of a link; empty for other entries. */
  readonly target: string
  readonly major: number
  readonly minor: number
  /** Extended attributes by their names. */
  readonly xattrs: ReadonlyMap<string, string>
  readonly sparse: SparseMap | null
}
