import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import type { TarEntry } from '../../../platform/tar/tar-entry.ts'
import { createTarReader, type TarReader } from '../../../platform/tar/tar-reader.ts'
import { archiveEnd, entryHeaders, padding } from '../../../platform/tar/tar-writer.ts'
import { layerBytesMax, layerEntriesMax, pathBytesMax, xattrBytesMax } from '../limits.ts'
import { createLayerLinks, type LayerLinks, type LowerLinks } from './layer-links.ts'
import { createLayerTree, type LayerTree, pathOf } from './layer-tree.ts'
import { markOf, settleMarks } from './whiteouts.ts'

/**
 * Corrections that the layer alone cannot give: overlayfs takes a folder's owner, mode and times
 * from the topmost layer that has it, a hard link reaches no file of another layer, and a mark that
 * hides nothing would be seen itself.
 */
export interface LayerFixes {
  /** Folders that the layer has something in, without an entry of their own; not the root. */
  readonly impliedFolders: readonly string[]
  /** Those of them that owe nothing to the layers below. */
  readonly freshFolders: ReadonlySet<string>
  /**
   * Groups that the folder above hands on to implied ones, by its entry; null for none. Absent
   * where that folder is an implied one itself.
   */
  readonly groups: ReadonlyMap<string, number | null>
  /** Paths that entries went through as if the layers below had no link there. */
  readonly passed: ReadonlySet<string>
  /** Folders that entries went into, and that layers below must not have as anything else. */
  readonly entered: ReadonlySet<string>
  readonly opaque: readonly string[]
  readonly whiteouts: readonly string[]
  readonly links: readonly LowerLinks[]
  /** True if the layer says nothing of the root folder itself. */
  readonly isRootImplied: boolean
}

/** Totals of a layer. */
export interface LayerSummary {
  readonly entries: number
  /** Room that it takes when unpacked, about. */
  readonly bytes: number
  readonly fixes: LayerFixes
}

/** Turns a layer's tar stream into the one that is handed to `tar`. */
export interface LayerTransform {
  /** Takes the next bytes and returns what to write. Throws the faults of `LayerFault`. */
  push(chunk: Buffer): readonly Buffer[]
  /** The layer has ended. */
  end(): { readonly last: readonly Buffer[]; readonly summary: LayerSummary }
}

/** Dependencies of a transform. */
export interface LayerTransformInit {
  /** Symbolic links of the layers below, by path, that entries may go through. */
  readonly lowerLinks?: ReadonlyMap<string, string>
  /** Smaller bounds than the usual ones. */
  readonly entriesMax?: number
  readonly bytesMax?: number
}

/**
 * Checks every entry of a layer and writes it again, so that `tar` never sees a byte of a header
 * that a stranger has made: paths below the root and through no link, no whiteouts but in the form
 * of overlayfs, only those attributes that an image may have. Pure.
 */
export function createLayerTransform(init: LayerTransformInit = {}): LayerTransform {
  return new Transform(init)
}

/** Room that a name takes on a disk, about. */
const entryBytes = 512

class Transform implements LayerTransform {
  private readonly tree: LayerTree
  private readonly links: LayerLinks
  private readonly reader: TarReader
  private readonly entriesMax: number
  private readonly bytesMax: number
  private out: Buffer[] = []
  private entries = 0
  private bytes = 0
  /** Bytes of data of the entry under way that are still to come; -1 while it is passed over. */
  private dataLeft = 0
  private dataPadding = 0

  constructor(init: LayerTransformInit) {
    this.tree = createLayerTree(init.lowerLinks ?? new Map())
    this.links = createLayerLinks(this.tree)
    this.entriesMax = init.entriesMax ?? layerEntriesMax
    this.bytesMax = init.bytesMax ?? layerBytesMax
    this.reader = createTarReader({
      entry: (entry) => this.take(entry),
      data: (part) => this.pass(part),
    })
  }

  push(chunk: Buffer): readonly Buffer[] {
    this.out = []
    this.reader.push(chunk)
    return this.out
  }

  end(): { readonly last: readonly Buffer[]; readonly summary: LayerSummary } {
    this.reader.end()
    const marks = settleMarks(this.tree)
    const implied = this.tree.impliedFolders()
    const { fresh, groups, passed, entered } = this.tree
    const fixes: LayerFixes = {
      impliedFolders: implied.filter((path) => path !== ''),
      freshFolders: fresh,
      groups,
      passed,
      entered,
      opaque: marks.opaque,
      whiteouts: marks.whiteouts,
      links: this.links.settled(),
      isRootImplied: implied.includes(''),
    }
    return { last: [archiveEnd], summary: { entries: this.entries, bytes: this.bytes, fixes } }
  }

  private pass(part: Buffer): void {
    if (this.dataLeft < 0) return
    this.out.push(part)
    this.dataLeft -= part.length
    if (this.dataLeft === 0 && this.dataPadding > 0) this.out.push(padding(this.dataPadding))
  }

  private take(entry: TarEntry): void {
    this.count(entry)
    const place = this.tree.placeOf(entry.path)
    const mark = markOf(place)
    const path = pathOf(place)
    this.dataLeft = -1
    if (mark.kind === 'ignored') return
    if (mark.kind === 'opaque') {
      this.tree.hide(place.folder)
      return
    }
    if (mark.kind === 'whiteout') {
      this.tree.remove(pathOf({ ...place, name: mark.name }))
      return
    }
    const target = this.targetOf(entry, path)
    if (target === null) return
    this.links.replaced(path)
    // A hard link to a symbolic link is one; what it names was recorded with it.
    if (entry.kind !== 'hardlink') this.tree.add(path, nodeOf(entry))
    const xattrs = keptXattrs(entry)
    this.out.push(entryHeaders({ ...entry, path: path === '' ? './' : path, target, xattrs }))
    this.dataLeft = entry.dataBytes
    this.dataPadding = entry.dataBytes
  }

  private count(entry: TarEntry): void {
    this.entries++
    this.bytes += entryBytes + (entry.sparse?.realBytes ?? entry.dataBytes)
    if (this.entries > this.entriesMax) {
      refuse('layer-too-large', `the layer has more than ${this.entriesMax} entries`)
    }
    if (this.bytes > this.bytesMax) {
      const gigabytes = Math.ceil(this.bytesMax / 1024 ** 3)
      refuse('layer-too-large', `the layer comes to more than ${gigabytes} GiB when it is unpacked`)
    }
  }

  /** Target of a link as it is written; null for a link that a lower layer must help with. */
  private targetOf(entry: TarEntry, path: string): string | null {
    if (entry.kind === 'symlink') {
      checkSymlink(entry)
      return entry.target
    }
    if (entry.kind !== 'hardlink') {
      checkKind(entry, path)
      return ''
    }
    return this.links.take(path, entry.target)
  }
}

/** The bit of a folder's mode by which what is made in it gets its group (inode(7)). */
export const setGroupId: number = 0o2000

function nodeOf(entry: TarEntry): Parameters<LayerTree['add']>[1] {
  if (entry.kind === 'folder') {
    const group = (entry.mode & setGroupId) === 0 ? null : entry.gid
    return { kind: 'folder', isImplied: false, group }
  }
  if (entry.kind === 'symlink') return { kind: 'symlink', target: entry.target }
  return { kind: 'other' }
}

function checkSymlink(entry: TarEntry): void {
  const isSound = entry.target !== '' && !entry.target.includes('\0')
  if (isSound && entry.target.length <= pathBytesMax) return
  refuse('layer-refused', `a symbolic link to nowhere: ${shownPath(entry.path)}`)
}

function checkKind(entry: TarEntry, path: string): void {
  if (path === '' && entry.kind !== 'folder') {
    refuse('layer-refused', 'an entry for the root of the image that is not a folder')
  }
  // Overlayfs takes this device for a mark that a file is gone.
  const isWhiteout = entry.kind === 'character-device' && entry.major === 0 && entry.minor === 0
  if (isWhiteout) refuse('layer-refused', `a character device 0/0: ${shownPath(path)}`)
  if (entry.major > 0xfff || entry.minor > 0xfffff || entry.major < 0 || entry.minor < 0) {
    refuse('layer-refused', `a device with a number that no kernel has: ${shownPath(path)}`)
  }
}

/**
 * Extended attributes to keep, without `trusted.*`, which steers overlayfs, and `security.*`, which
 * steers the security modules of the host, except file capabilities, which are part of an image.
 */
export function keptXattrs(entry: TarEntry): ReadonlyMap<string, string> {
  if (entry.xattrs.size === 0 || entry.kind === 'hardlink') return new Map()
  const takesUser = entry.kind === 'file' || entry.kind === 'folder'
  const kept = [...entry.xattrs].filter(([name]) => {
    if (name === 'security.capability') return entry.kind === 'file'
    return name.startsWith('system.posix_acl_') || (takesUser && name.startsWith('user.'))
  })
  const bytes = kept.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (bytes > xattrBytesMax || kept.some(([name]) => name.length > 255 || name.includes('\0'))) {
    refuse('layer-refused', `too large attributes: ${shownPath(entry.path)}`)
  }
  return new Map(kept)
}

/** A folder of covey's own making, and the fields that its other entries share. */
export const plainEntry: TarEntry = {
  kind: 'folder',
  path: '',
  mode: 0o755,
  uid: 0,
  gid: 0,
  dataBytes: 0,
  time: { seconds: 0, fraction: '', isNegative: false },
  target: '',
  major: 0,
  minor: 0,
  xattrs: new Map(),
  sparse: null,
}

/** A path that is gone, in the form of overlayfs. */
export function whiteoutHeaders(path: string): Buffer {
  return entryHeaders({ ...plainEntry, kind: 'character-device', path, mode: 0 })
}

/** A second name of a file. */
export function linkHeaders(path: string, target: string): Buffer {
  return entryHeaders({ ...plainEntry, kind: 'hardlink', path, target })
}
