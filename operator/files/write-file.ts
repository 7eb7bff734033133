import { dirname } from 'node:path'
import { type FileCalls, isFull } from '../../platform/files/calls.ts'
import { makeDurableFolder, SyncFailed, syncFolder } from '../../platform/files/durable-file.ts'
import {
  createDurably,
  dropTemporary,
  makeTemporary,
  replaceDurably,
} from '../../platform/files/shared-folder.ts'
import { systemCode } from '../../protocol/system-reason.ts'
import { Failure, systemReason } from '../terminal/failure.ts'

/**
 * Writes a file whole or not at all: temporary file in the same folder, fsync, rename, fsync of the
 * folder. What is no regular file (`/dev/stdout`, a pipe) is written to as it is. A link keeps
 * pointing where it did. Throws `Failure` `cannot-write` with exit code 1; then what was there
 * before is unchanged.
 */
export async function writeWhole(
  files: FileCalls,
  path: string,
  text: string,
  mode: number = 0o644,
): Promise<void> {
  try {
    const found = await files.look(path)
    if (found === null) return await replaceDurably(files, path, text, mode)
    if (found.kind !== 'file') return await writeThrough(files, found.path, text)
    await replaceDurably(files, found.path, text, found.mode)
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

/**
 * Makes a new file, whole and durable, unless one of that name exists: false then. Two processes
 * that try at once cannot both get true, and a crash at any moment leaves the whole file or none.
 */
export async function createWhole(
  files: FileCalls,
  path: string,
  text: string,
  mode: number = 0o644,
): Promise<boolean> {
  try {
    return await createDurably(files, path, text, mode)
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

/** Makes a folder and those above it, whose names are durable; `mode` is for what it makes. */
export async function makeFolder(
  files: FileCalls,
  path: string,
  mode: number = 0o755,
): Promise<void> {
  const missing = await topmostMissing(files, path)
  try {
    await makeDurableFolder(files, path, missing ?? path, mode)
  } catch (error) {
    // The folder above one that was there may be closed to this user, as /home is in some places.
    if (missing === null && (systemCode(error) === 'EACCES' || isUnable(error))) return
    throw cannotWrite(path, error)
  }
}

/** Some file systems know no fsync of a folder (fsync(2), EINVAL). */
function isUnable(error: unknown): boolean {
  return error instanceof SyncFailed && systemCode(error.cause) === 'EINVAL'
}

async function topmostMissing(files: FileCalls, path: string): Promise<string | null> {
  let missing: string | null = null
  for (let at = path; (await files.look(at)) === null; at = dirname(at)) {
    missing = at
    if (at === dirname(at)) break
  }
  return missing
}

/**
 * Makes durable what is in folders, for who is about to tell of it: a process that was killed may
 * have left it otherwise. Folders that are not there, or closed to this user, are passed over.
 * Throws `Failure` `cannot-write`.
 */
export async function settleFolders(files: FileCalls, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await syncFolder(files, path)
    } catch (error) {
      const isAbsent = ['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error))
      if (!isAbsent && !isUnable(error)) throw cannotWrite(path, error)
    }
  }
}

/** Throws `cannot-write` if a file could not be put there, before anything else is done for it. */
export async function expectWritable(files: FileCalls, path: string): Promise<void> {
  try {
    const found = await files.look(path)
    if (found?.kind === 'folder') {
      throw Object.assign(new Error('it is a folder, not a file'), { code: 'EISDIR' })
    }
    if (found?.kind === 'other') return
    await dropTemporary(files, await makeTemporary(files, path, '', 0o600))
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

async function writeThrough(files: FileCalls, path: string, text: string): Promise<void> {
  const file = await files.openFile(path)
  try {
    await file.write(Buffer.from(text))
  } finally {
    await file.close()
  }
}

function cannotWrite(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof SyncFailed) {
    const message = `cannot write ${path}: ${systemReason(error.cause)}`
    const hint =
      'the old or the new content may be there: check the disk (dmesg), then run it again'
    return new Failure(1, 'cannot-write', message, { hint, cause: error })
  }
  const message = `cannot write ${path}: ${systemReason(error)}`
  const way = isFull(error) ? 'make room there' : 'write to another place'
  const hint = `what was there before is unchanged; ${way}`
  return new Failure(1, 'cannot-write', message, { hint, cause: error })
}
