import { join } from 'node:path'
import type { FileCalls } from '../../platform/files/calls.ts'
import { settleFolders } from '../files/write-file.ts'

/** Where an operator's folder is, and the calls that it is read and written with. */
export interface FolderFiles {
  /** Absolute path. */
  readonly dir: string
  readonly files: FileCalls
}

/** Makes durable what a command may tell of. Throws `Failure` `cannot-write`. */
export async function settleFolder({ dir, files }: FolderFiles): Promise<void> {
  const names = ['roots', 'history', 'unfinished', 'rotations']
  await settleFolders(
    files,
    names.map((name) => join(dir, name)),
  )
}

/** Reads a file of the folder as UTF-8. Errors: those of the call. */
export async function readFolderText({ files }: FolderFiles, path: string): Promise<string> {
  return Buffer.from(await files.read(path)).toString('utf8')
}
