import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** One file of a durable change: a path below the disk's folder, and its whole new content. */
export interface FileWrite {
  readonly path: string
  readonly content: string | Uint8Array
}

/** The part of a file system that the store needs, so that a simulator can play a faulty one. */
export interface Disk {
  /** Content of a file, or null if there is none. */
  read(path: string): Promise<Uint8Array | null>
  /** Names in a folder, sorted; none where the folder does not exist. */
  list(folder: string): Promise<readonly string[]>
  /**
   * Replaces files durably: temporary files beside them, each fsynced; then renames in the given order; then
   * an fsync of every folder. When it resolves all are durable; after a crash in between, any first part of
   * the list may be.
   */
  replace(files: readonly FileWrite[]): Promise<void>
  remove(path: string): Promise<void>
}

/** A failed fsync: what the disk holds is unknown from here on, and only a new start can read it again. */
export class SyncFailed extends Error {
  constructor(path: string, cause: unknown) {
    super(`fsync of ${path} failed`, { cause })
    this.name = 'SyncFailed'
  }
}

/** The real disk below `folder`, which is made with mode 0700; files are 0600. */
export function createDisk(folder: string): Disk {
  const at = (path: string): string => join(folder, path)
  return {
    async read(path) {
      return await readFile(at(path)).catch((error) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
    },
    async list(path) {
      const names = await readdir(at(path)).catch((error) => {
        if (error.code === 'ENOENT') return []
        throw error
      })
      return names.filter((name) => !name.endsWith(temporarySuffix)).sort()
    },
    async replace(files) {
      const folders = new Set(files.map((file) => dirname(at(file.path))))
      for (const one of folders) await mkdir(one, { recursive: true, mode: 0o700 })
      await Promise.all(files.map((file) => writeTemporary(at(file.path), file.content)))
      for (const file of files) await rename(at(file.path) + temporarySuffix, at(file.path))
      for (const one of folders) await syncFolder(one)
    },
    async remove(path) {
      await rm(at(path), { force: true })
      await syncFolder(dirname(at(path)))
    },
  }
}

const temporarySuffix = '.tmp'

async function writeTemporary(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path + temporarySuffix, 'w', 0o600)
  try {
    await file.writeFile(content)
    await sync(file, path)
  } finally {
    await file.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await sync(handle, folder)
  } finally {
    await handle.close()
  }
}

/** Linux reports a failed write-back once; trying again would then succeed without the data being there. */
async function sync(file: FileHandle, path: string): Promise<void> {
  try {
    await file.sync()
  } catch (error) {
    throw new SyncFailed(path, error)
  }
}
