import { link, open, readdir, readFile, realpath, rename, rm, stat, statfs } from 'node:fs/promises'
import { systemCode } from '../../protocol/system-reason.ts'
import { makeFolder } from './make-folder.ts'

/** A folder that is open to be fsynced. */
export interface OpenFolder {
  sync(): Promise<void>
  close(): Promise<void>
}

/** A file that is open to be written from its beginning. */
export interface OpenFile extends OpenFolder {
  write(bytes: Uint8Array): Promise<void>
}

/** Target of a path. */
export interface Found {
  /** Absolute, and without links. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'other'
  /** Permission bits. */
  readonly mode: number
}

/**
 * The system calls that the agent's state folder and the operator's folder are read and written
 * with, and no others, so that a test can end the machine between any two of them. Errors carry the
 * `code` of errno(3).
 */
export interface FileCalls {
  /** Content of a file: all of it, or as much of its beginning as `bytesMost`. */
  read(path: string, bytesMost?: number): Promise<Uint8Array>
  list(path: string): Promise<readonly string[]>
  /** Target of a path; null if there is nothing, or if it cannot be read. */
  look(path: string): Promise<Found | null>
  /**
   * Makes a folder and its missing parents: with mode 0700 whatever the umask is, or with `mode`,
   * which the umask takes from. One that is there stays as it is.
   */
  makeFolder(path: string, mode?: number): Promise<void>
  openFolder(path: string): Promise<OpenFolder>
  /** Makes or empties a file of mode 0600. */
  openFile(path: string): Promise<OpenFile>
  /** Makes a file that is not there yet. The umask takes from its mode. */
  createFile(path: string, mode: number): Promise<OpenFile>
  rename(from: string, to: string): Promise<void>
  /** Gives a file a second name, which nothing may have: EEXIST otherwise. */
  link(from: string, to: string): Promise<void>
  /** Removes a file; a missing one is not an error. */
  remove(path: string): Promise<void>
  /** Length of a file in bytes. */
  length(path: string): Promise<number>
  /** Bytes that may still be written to the file system of a folder. */
  freeBytes(path: string): Promise<number>
}

/** The calls of this machine. */
export const machineCalls: FileCalls = {
  read: (path, bytesMost) =>
    bytesMost === undefined ? readFile(path) : readStart(path, bytesMost),
  list: (path) => readdir(path),
  look,
  makeFolder: (path, mode) =>
    mode === undefined ? makeFolder(path) : makeFolder(path, mode, 'umask'),
  openFolder: (path) => open(path, 'r'),
  openFile: (path) => openWith(path, 'w', 0o600),
  createFile: (path, mode) => openWith(path, 'wx', mode),
  rename,
  link,
  remove: (path) => rm(path, { force: true }),
  length: async (path) => (await stat(path)).size,
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },
}

/** Reads the start of a file: a device reports size 0 but never ends. */
async function readStart(path: string, bytesMost: number): Promise<Uint8Array> {
  const handle = await open(path, 'r')
  const parts: Buffer[] = []
  for await (const part of handle.createReadStream({ end: bytesMost - 1 })) parts.push(part)
  return Buffer.concat(parts)
}

async function look(path: string): Promise<Found | null> {
  const real = await realpath(path).catch(() => path)
  const stats = await stat(real).catch(() => null)
  if (stats === null) return null
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
  return { path: real, kind, mode: stats.mode & 0o777 }
}

async function openWith(path: string, flags: string, mode: number): Promise<OpenFile> {
  const file = await open(path, flags, mode)
  return {
    write: (bytes) => file.writeFile(bytes),
    sync: () => file.sync(),
    close: () => file.close(),
  }
}

/** True if a call failed because there is no room: on the disk, or in the owner's share of it. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(error))
}
