import { dirname } from 'node:path/posix'

/** A file's bytes: what a reader sees, and what is on the platter. */
export interface Inode {
  readonly parts: Uint8Array[]
  length: number
  durable: Buffer
  dirty: boolean
}

/** A change of names that no fsync of its folder has made durable. */
export type NameChange =
  | { readonly kind: 'link'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: Inode }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'folder'; readonly name: string }

/** A folder: the names that a reader sees, those that are durable, and what lies between. */
export interface Folder {
  readonly seen: Map<string, Inode | 'folder'>
  readonly durable: Map<string, Inode | 'folder'>
  readonly pending: NameChange[]
}

/** Folders by absolute path. */
export type Tree = Map<string, Folder>

/** Files by absolute path, as one crash may have left them. */
export type Files = ReadonlyMap<string, Buffer>

/** Error of a system call, as Node throws it. */
export function callError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

/** A folder without names. */
export function emptyFolder(): Folder {
  return { seen: new Map(), durable: new Map(), pending: [] }
}

/** A file that was just made. */
export function emptyInode(): Inode {
  return { parts: [], length: 0, durable: Buffer.alloc(0), dirty: true }
}

/** The bytes of a file, as a reader sees them. */
export function bytesOf(inode: Inode): Buffer {
  if (inode.parts.length !== 1) inode.parts.splice(0, Infinity, Buffer.concat(inode.parts))
  return Buffer.from(inode.parts[0] ?? [])
}

/** Puts a durable file into a tree, with the folders above it. */
export function placeFile(tree: Tree, path: string, bytes: Buffer): void {
  const parent = dirname(path)
  for (const at of foldersTo(parent)) {
    if (tree.has(at)) continue
    tree.set(at, emptyFolder())
    folderAt(tree, dirname(at)).seen.set(nameOf(at), 'folder')
    folderAt(tree, dirname(at)).durable.set(nameOf(at), 'folder')
  }
  const inode = { parts: [bytes], length: bytes.length, durable: bytes, dirty: false }
  folderAt(tree, parent).seen.set(nameOf(path), inode)
  folderAt(tree, parent).durable.set(nameOf(path), inode)
}

/** Last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A name in a folder, as a path. */
export function below(folder: string, name: string): string {
  return `${folder === '/' ? '' : folder}/${name}`
}

/** All folders on the way to a path, itself included, the top one first. */
export function foldersTo(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '')
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
}

/** A folder that must be there. */
export function folderAt(tree: Tree, path: string): Folder {
  const folder = tree.get(path)
  if (folder === undefined) throw callError('ENOENT', path)
  return folder
}

/** A file that must be there. */
export function inodeAt(tree: Tree, path: string): Inode {
  const found = folderAt(tree, dirname(path)).seen.get(nameOf(path))
  if (found === undefined) throw callError('ENOENT', path)
  if (found === 'folder') throw callError('EISDIR', path)
  return found
}

/** Makes one change of names. */
export function applyChange(names: Map<string, Inode | 'folder'>, change: NameChange): void {
  if (change.kind === 'folder') names.set(change.name, 'folder')
  else if (change.kind === 'link') names.set(change.name, change.inode)
  else if (change.kind === 'unlink') names.delete(change.name)
  else {
    names.delete(change.from)
    names.set(change.to, change.inode)
  }
}
