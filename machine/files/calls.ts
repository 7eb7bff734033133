import { open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { makeFolder } from './folder.ts'

/** A folder that is open to be fsynced. */
export interface OpenFolder {
  sync(): Promise<void>
  close(): Promise<void>
}

/** A file that is open to be written from its beginning. */
export interface OpenFile extends OpenFolder {
  write(bytes: Uint8Array): Promise<void>
}

/**
 * The system calls that the state folder is read and written with, and no others, so that a test
 * can end the machine between any two of them. Errors carry the `code` of errno(3).
 */
export interface FileCalls {
  read(path: string): Promise<Uint8Array>
  list(path: string): Promise<readonly string[]>
  /** Makes a folder and its missing parents with mode 0700. */
  makeFolder(path: string): Promise<void>
  openFolder(path: string): Promise<OpenFolder>
  /** Makes or empties a file of mode 0600. */
  openFile(path: string): Promise<OpenFile>
  rename(from: string, to: string): Promise<void>
  /** Removes a file; none is no error. */
  remove(path: string): Promise<void>
  /** Length of a file in bytes. */
  length(path: string): Promise<number>
  /** Bytes that may still be written to the file system of a folder. */
  freeBytes(path: string): Promise<number>
}

/** The calls of this machine. */
export const machineCalls: FileCalls = {
  read: (path) => readFile(path),
  list: (path) => readdir(path),
  makeFolder: (path) => makeFolder(path),
  openFolder: (path) => open(path, 'r'),
  async openFile(path) {
    const file = await open(path, 'w', 0o600)
    return {
      write: (bytes) => file.writeFile(bytes),
      sync: () => file.sync(),
      close: () => file.close(),
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  length: async (path) => (await stat(path)).size,
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },
}

/** The `code` of a failed call, or an empty text. */
export function codeOfError(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** Whether a call failed because there is no room: on the disk, or in the owner's share of it. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(codeOfError(error))
}
