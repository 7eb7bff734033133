import { dirname } from 'node:path'
import type { FileCalls, OpenFile, OpenFolder } from './calls.ts'

/** A failed fsync: what the disk holds is unknown from here on, and only a new start can tell. */
export class SyncFailed extends Error {
  constructor(path: string, cause: unknown) {
    super(`fsync of ${path} failed`, { cause })
    this.name = 'SyncFailed'
  }
}

/** Suffix of a file until it is whole and durable. */
export const temporarySuffix: string = '.tmp'

/** Writes a file under its temporary name, whole and fsynced. `parts` one after the other. */
export async function writeTemporary(
  calls: FileCalls,
  path: string,
  parts: Iterable<Uint8Array>,
): Promise<void> {
  await writeSynced(await calls.openFile(path + temporarySuffix), path, parts)
}

/** Writes to a file that has just been made, fsyncs and closes it. `path` is for errors. */
export async function writeSynced(
  file: OpenFile,
  path: string,
  parts: Iterable<Uint8Array>,
): Promise<void> {
  await closing(file, async () => {
    for (const part of parts) await file.write(part)
    await sync(file, path)
  })
}

/** Gives a temporary file its name, durably. */
export async function takeEffect(
  calls: FileCalls,
  path: string,
  temporary: string = path + temporarySuffix,
): Promise<void> {
  await calls.rename(temporary, path)
  await syncFolder(calls, dirname(path))
}

/**
 * Makes a folder and what is missing above it, and makes its name durable, with those of the
 * folders above it from `top` on. Also where it was there already: a process that was killed may
 * have made it just now. `mode` is that of `FileCalls.makeFolder`.
 */
export async function makeDurableFolder(
  calls: FileCalls,
  path: string,
  top: string,
  mode?: number,
): Promise<void> {
  await calls.makeFolder(path, mode)
  for (let part = path; part.length >= top.length; part = dirname(part)) {
    await syncFolder(calls, dirname(part))
    if (part === dirname(part)) break
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(calls: FileCalls, path: string): Promise<void> {
  const folder = await calls.openFolder(path)
  await closing(folder, () => sync(folder, path))
}

/** Linux reports a failed write-back once; trying again would succeed without the data there. */
async function sync(file: OpenFolder, path: string): Promise<void> {
  try {
    await file.sync()
  } catch (error) {
    throw new SyncFailed(path, error)
  }
}

/** Closes after use, and throws the first error: a failed close must not hide a `SyncFailed`. */
async function closing(file: OpenFolder, use: () => Promise<void>): Promise<void> {
  try {
    await use()
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
  await file.close()
}
