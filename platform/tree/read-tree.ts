import { CoveyError } from '../../protocol/fault.ts'
import { shownPath } from '../tar/refuse.ts'
import type { TarEntry } from '../tar/tar-entry.ts'
import { createTarReader } from '../tar/tar-reader.ts'
import {
  treeBytesMax,
  treeEntriesMax,
  treeNameBytesMax,
  treePartsMax,
  treePathBytesMax,
} from './limits.ts'
import type { TreeEntry, TreeItem } from './tree-entry.ts'
import { rootName } from './write-tree.ts'

/** Which names an archive may have. */
export interface NamesOfTree {
  /** Names from the root of the tree, for the path of an entry. Throws `tree-refused`. */
  partsOf(path: string): readonly string[]
  /** Called with what is left out, in one line. Absent: nothing may be left out. */
  readonly onLeftOut?: (line: string) => void
}

/** An archive as `treeHead` writes it: all of it is below one name. */
const ownNames: NamesOfTree = {
  partsOf(path) {
    const [root, ...parts] = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
    if (root !== rootName) refuse(`${shownPath(path)} is outside of the tree`)
    return checked(parts, path)
  },
}

/** An archive of anybody: names from the folder that it is unpacked in. */
export function foreignNames(onLeftOut: (line: string) => void): NamesOfTree {
  return {
    partsOf(path) {
      const parts = path.split('/').filter((part) => part !== '' && part !== '.')
      return checked(parts, path)
    },
    onLeftOut,
  }
}

/** Refuses a tree. The message is one sentence without a full stop. */
function refuse(message: string): never {
  throw new CoveyError('tree-refused', message)
}

function checked(parts: readonly string[], path: string): readonly string[] {
  const isOdd = (part: string): boolean => {
    return part === '' || part === '.' || part === '..' || part.includes('\0')
  }
  if (parts.some(isOdd)) refuse(`${shownPath(path)} leads out of the tree, or is no path`)
  const isLong = parts.length > treePartsMax || path.length > treePathBytesMax
  if (isLong || parts.some((part) => part.length > treeNameBytesMax)) {
    refuse(`the path ${shownPath(path)} is too long`)
  }
  return parts
}

/**
 * Reads the archive of a tree as it arrives. Every name leads downwards from the root of the tree,
 * and to no other place by itself; whoever makes links of it must not go through them. Throws
 * `tree-refused`, `tree-too-large`, and as the reader of tar does.
 */
export async function* readTree(
  chunks: AsyncIterable<Uint8Array>,
  names: NamesOfTree = ownNames,
): AsyncGenerator<TreeItem> {
  let items: TreeItem[] = []
  let entries = 0
  let bytes = 0
  let isTaken = true
  const reader = createTarReader({
    entry(entry) {
      if (++entries > treeEntriesMax) tooLarge(`it has more than ${treeEntriesMax} entries`)
      bytes += entry.dataBytes
      if (bytes > treeBytesMax) tooLarge(`it has more than ${treeBytesMax} bytes`)
      const found = entryOf(entry, names)
      isTaken = found !== null
      if (found !== null) items.push({ entry: found })
    },
    data(part) {
      if (isTaken) items.push({ data: part })
    },
  })
  for await (const chunk of chunks) {
    reader.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    const ready = items
    items = []
    yield* ready
  }
  reader.end()
}

function tooLarge(why: string): never {
  throw new CoveyError('tree-too-large', why)
}

function entryOf(entry: TarEntry, names: NamesOfTree): TreeEntry | null {
  const { kind, path, mode, uid, gid, dataBytes, sparse } = entry
  const parts = names.partsOf(path)
  if (kind !== 'file' && kind !== 'folder' && kind !== 'symlink' && kind !== 'hardlink') {
    if (names.onLeftOut === undefined) refuse(`${shownPath(path)} is a ${kind}`)
    names.onLeftOut(`${shownPath(path)} is a ${kind}, and left out`)
    return null
  }
  if (sparse !== null) refuse(`${shownPath(path)} is packed as a file with holes: pack it whole`)
  if (entry.target.length > treePathBytesMax || entry.target.includes('\0')) {
    refuse(`the target of ${shownPath(path)} is too long, or is no path`)
  }
  const target = kind === 'hardlink' ? names.partsOf(entry.target).join('/') : entry.target
  const { seconds, isNegative } = entry.time
  const mtimeSeconds = isNegative ? -seconds : seconds
  return { kind, parts, mode, uid, gid, sizeBytes: dataBytes, mtimeSeconds, target }
}
