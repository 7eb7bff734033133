/** One entry of a tree that is copied. Names and targets are bytes (latin1), of any encoding. */
export interface TreeEntry {
  readonly kind: 'file' | 'folder' | 'symlink' | 'hardlink'
  /** Names from the root of the tree to the entry; none for the root itself. */
  readonly parts: readonly string[]
  /** Permission bits, set-id and sticky bits included. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of its content; 0 for anything but a file. */
  readonly sizeBytes: number
  /** Seconds since 1970. */
  readonly mtimeSeconds: number
  /** Text of a symbolic link; of a hard link, the names to the file, joined by `/`. */
  readonly target: string
}

/** An entry, or a part of the content of the file that came last. */
export type TreeItem = { readonly entry: TreeEntry } | { readonly data: Uint8Array }

/** Count of what a tree has. */
export interface TreeTotals {
  files: number
  folders: number
  bytes: number
}
