import { archiveEnd, entryHeaders, padding } from '../tar/tar-writer.ts'
import type { TreeEntry } from './tree-entry.ts'

/** Name of the root of a tree in its archive. */
export const rootName = 'content'

/** The end of the archive of a tree. */
export const treeEnd: Buffer = archiveEnd

/** The head of one entry in the archive of a tree, whose content and `treePadding` follow. */
export function treeHead(entry: TreeEntry, root: string = rootName): Buffer {
  const { kind, parts, mode, uid, gid, sizeBytes, target } = entry
  const path = [root, ...parts].join('/')
  const seconds = Math.trunc(entry.mtimeSeconds)
  return entryHeaders({
    ...{ kind, mode, uid, gid, dataBytes: sizeBytes, major: 0, minor: 0, sparse: null },
    path: kind === 'folder' ? `${path}/` : path,
    target: kind === 'hardlink' ? `${root}/${target}` : target,
    time: { seconds: Math.abs(seconds), fraction: '', isNegative: seconds < 0 },
    xattrs: new Map(),
  })
}

/** Zeros after the content of a file of so many bytes. */
export function treePadding(sizeBytes: number): Buffer {
  return padding(sizeBytes)
}
