import { dirname } from 'node:path/posix'
import type { FileCalls, Found, OpenFile, OpenFolder } from '../../platform/files/calls.ts'
import {
  applyChange,
  below,
  bytesOf,
  callError,
  emptyFolder,
  emptyInode,
  type Files,
  type Folder,
  folderAt,
  foldersTo,
  type Inode,
  inodeAt,
  nameOf,
  placeFile,
  type Tree,
} from './file-tree.ts'
import { filesAfterPowerCut } from './power-cut.ts'

/** The fault that a model disk adds to one call. */
export type Trouble =
  /** The machine ends before the call, or right after it. */
  | 'crash-before'
  | 'crash-after'
  /** The call fails; a write has half of its effect. */
  | 'ENOSPC'
  | 'EIO'
  /** An fsync says that it did its work, and did not. */
  | 'lie'

/** The machine is gone: nothing of the program runs on. */
export class MachineEnded extends Error {}

/** A call that was made: its name and path. */
export interface MadeCall {
  readonly name: string
  readonly path: string
}

/** A file system under test: the agent's calls, and what a power cut may leave of them. */
export interface ModelDisk {
  readonly calls: FileCalls
  /** Resolves when the machine has ended; its program then never goes on. */
  readonly ended: Promise<MachineEnded>
  /** Every call so far that changes something or could fail. */
  readonly made: readonly MadeCall[]
  /** The files that a process finds which starts on the same running machine. */
  files(): Files
  /** Every state that a power cut now may leave. */
  afterPowerCut(): readonly Files[]
  /** Calls of a process that starts on the same running machine; nothing strikes them. */
  restart(): FileCalls
}

/** The events of a model disk. */
export interface ModelPlan {
  /** By the number of the call, from 0. */
  readonly troubles?: ReadonlyMap<number, Trouble>
  /** Bytes of all files together; without it there is no bound, and none said to be free. */
  readonly capacityBytes?: number
}

type Act = (name: string, path: string, effect: (half: boolean) => void) => Promise<void>

/** A disk with these files, all of them durable. */
export function createModelDisk(files: Files, plan: ModelPlan = {}): ModelDisk {
  const tree: Tree = new Map([['/', emptyFolder()]])
  for (const [path, bytes] of files) placeFile(tree, path, bytes)
  const made: MadeCall[] = []
  const { promise: ended, resolve: end } = Promise.withResolvers<MachineEnded>()
  return {
    calls: createCalls(tree, createActor(made, plan.troubles ?? new Map(), end), plan),
    ended,
    made,
    files: () => seenFiles(tree),
    afterPowerCut: () => filesAfterPowerCut(tree),
    restart: () =>
      createCalls(
        tree,
        createActor([], new Map(), () => undefined),
        plan,
      ),
  }
}

/** Carries a call out, or makes it fail, or ends the machine around it. */
function createActor(
  made: MadeCall[],
  troubles: ReadonlyMap<number, Trouble>,
  end: (how: MachineEnded) => void,
): Act {
  let ended = false
  return async (name, path, effect) => {
    // A process that is dead makes no more calls, also not those that were started beside.
    if (ended) return await new Promise(() => undefined)
    const trouble = troubles.get(made.length)
    made.push({ name, path })
    if (trouble === 'crash-before' || trouble === 'crash-after') {
      if (trouble === 'crash-after') effect(false)
      ended = true
      end(new MachineEnded(`${trouble} ${name} ${path}`))
      return await new Promise(() => undefined)
    }
    if (trouble === 'ENOSPC' || trouble === 'EIO') {
      if (name === 'write') effect(true)
      throw callError(trouble, path)
    }
    if (trouble !== 'lie') effect(false)
  }
}

function createCalls(tree: Tree, act: Act, plan: ModelPlan): FileCalls {
  const freeBytes = (): number => (plan.capacityBytes ?? Number.POSITIVE_INFINITY) - usedBytes(tree)
  return {
    read: async (path) => bytesOf(inodeAt(tree, path)),
    list: async (path) => [...folderAt(tree, path).seen.keys()],
    length: async (path) => inodeAt(tree, path).length,
    freeBytes: async () => (plan.capacityBytes === undefined ? 0 : freeBytes()),
    look: async (path) => lookAt(tree, path),
    makeFolder: (path) => act('makeFolder', path, () => makeFolders(tree, path)),
    async openFolder(path) {
      const folder = folderAt(tree, path)
      await act('openFolder', path, () => undefined)
      return openFolder(folder, path, act)
    },
    async openFile(path) {
      const folder = folderAt(tree, dirname(path))
      await act('openFile', path, () => addName(folder, path, emptyInode()))
      return openFile(inodeAt(tree, path), path, act, freeBytes)
    },
    async createFile(path) {
      const folder = folderWithout(tree, path)
      await act('createFile', path, () => addName(folder, path, emptyInode()))
      return openFile(inodeAt(tree, path), path, act, freeBytes)
    },
    async link(from, to) {
      const folder = folderWithout(tree, to)
      await act('link', to, () => addName(folder, to, inodeAt(tree, from)))
    },
    async rename(from, to) {
      const inode = inodeAt(tree, from)
      const folder = folderAt(tree, dirname(to))
      await act('rename', to, () => {
        const change = { kind: 'rename', from: nameOf(from), to: nameOf(to), inode } as const
        applyChange(folder.seen, change)
        folder.pending.push(change)
      })
    },
    async remove(path) {
      const folder = folderAt(tree, dirname(path))
      if (!folder.seen.has(nameOf(path))) return
      await act('remove', path, () => {
        folder.seen.delete(nameOf(path))
        folder.pending.push({ kind: 'unlink', name: nameOf(path) })
      })
    },
  }
}

/** The folder of a name that nothing has yet. */
function folderWithout(tree: Tree, path: string): Folder {
  const folder = folderAt(tree, dirname(path))
  if (folder.seen.has(nameOf(path))) throw callError('EEXIST', path)
  return folder
}

function addName(folder: Folder, path: string, inode: Inode): void {
  folder.seen.set(nameOf(path), inode)
  folder.pending.push({ kind: 'link', name: nameOf(path), inode })
}

function lookAt(tree: Tree, path: string): Found | null {
  if (tree.has(path)) return { path, kind: 'folder', mode: 0o755 }
  const isFile = tree.get(dirname(path))?.seen.has(nameOf(path)) === true
  return isFile ? { path, kind: 'file', mode: 0o600 } : null
}

function makeFolders(tree: Tree, path: string): void {
  for (const at of foldersTo(path)) {
    if (tree.has(at)) continue
    tree.set(at, emptyFolder())
    const above = folderAt(tree, dirname(at))
    above.seen.set(nameOf(at), 'folder')
    above.pending.push({ kind: 'folder', name: nameOf(at) })
  }
}

function openFolder(folder: Folder, path: string, act: Act): OpenFolder {
  return {
    sync: () =>
      act('sync', path, () => {
        for (const change of folder.pending.splice(0)) applyChange(folder.durable, change)
      }),
    close: () => act('close', path, () => undefined),
  }
}

function openFile(inode: Inode, path: string, act: Act, freeBytes: () => number): OpenFile {
  const append = (bytes: Uint8Array): void => {
    inode.parts.push(bytes)
    inode.length += bytes.length
    inode.dirty = true
  }
  return {
    write: (bytes) =>
      act('write', path, (half) => {
        const fits = bytes.length <= freeBytes()
        append(half || !fits ? bytes.subarray(0, bytes.length / 2) : bytes)
        if (!fits) throw callError('ENOSPC', path)
      }),
    sync: () =>
      act('sync', path, () => {
        inode.durable = bytesOf(inode)
        inode.dirty = false
      }),
    close: () => act('close', path, () => undefined),
  }
}

function usedBytes(tree: Tree): number {
  const inodes = [...tree.values()].flatMap((folder) => [...folder.seen.values()])
  return inodes.reduce((sum, entry) => sum + (entry === 'folder' ? 0 : entry.length), 0)
}

function seenFiles(tree: Tree): Files {
  const files = new Map<string, Buffer>()
  for (const [path, folder] of tree) {
    for (const [name, entry] of folder.seen) {
      if (entry !== 'folder') files.set(below(path, name), bytesOf(entry))
    }
  }
  return files
}
