import { dirname, join, resolve } from 'node:path'
import { type FileCalls, isFull, machineCalls } from '../../platform/files/calls.ts'
import {
  makeDurableFolder,
  SyncFailed,
  syncFolder,
  takeEffect,
  temporarySuffix,
  writeTemporary,
} from '../../platform/files/durable-file.ts'
import { systemCode } from '../../protocol/system-reason.ts'
import { giveUpReserve, keepReserve } from './reserve.ts'

export { SyncFailed } from '../../platform/files/durable-file.ts'

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
   * Replaces files durably: temporary files beside them, each fsynced; then one rename after the
   * other in the given order, each durable by an fsync of its folder before the next. After a crash
   * any first part of the list has taken effect, whatever the file system does with renames.
   *
   * On a full disk a change that `mayUseReserve` is tried once more without the reserve. Errors:
   * `SyncFailed`, after which only a new start can tell what is there; any other leaves a first
   * part of the list in effect, which is none of it unless a rename failed.
   */
  replace(
    files: readonly FileWrite[],
    options?: { readonly mayUseReserve?: boolean },
  ): Promise<void>
  remove(path: string): Promise<void>
  /**
   * Makes durable what a process that was killed may have left undurable in these folders, and
   * removes its temporary files. What a start reads is reported, so it has to be durable; only
   * under the lock of the state folder. Error: `SyncFailed`.
   */
  settle(folders: readonly string[]): Promise<void>
  /** Makes the reserve again where it is missing and there is room. Error: `SyncFailed`. */
  keepReserve(): Promise<boolean>
}

/** The disk below `folder`, which is made with mode 0700; files are 0600. */
export function createDisk(folder: string, calls: FileCalls = machineCalls): Disk {
  const at = (path: string): string => join(folder, path)
  let keeping: Promise<boolean> | null = null
  const places = createPlaces(calls, resolve(folder))
  return {
    read: (path) => unlessMissing(calls.read(at(path)), null),
    async list(path) {
      const names = await unlessMissing(calls.list(at(path)), [])
      return names.filter((name) => !name.endsWith(temporarySuffix)).sort()
    },
    async replace(files, options = {}) {
      const whole = files.map(({ path, content }) => ({ path: at(path), content }))
      const write = async (): Promise<void> => {
        for (const { path } of whole) await places.make(dirname(path))
        await replaceOnce(calls, whole)
      }
      await write().catch(async (error) => {
        const retry = options.mayUseReserve === true && isFull(error)
        if (!retry || !(await giveUpReserve(calls, folder))) throw error
        await write()
      })
    },
    async remove(path) {
      await calls.remove(at(path))
      await syncFolder(calls, dirname(at(path)))
    },
    async settle(folders) {
      for (const path of folders) await settleFolder(calls, at(path))
    },
    keepReserve() {
      // Two at once would write over each other.
      keeping ??= keepReserve(calls, folder).finally(() => {
        keeping = null
      })
      return keeping
    },
  }
}

async function unlessMissing<T, E>(call: Promise<T>, none: E): Promise<T | E> {
  try {
    return await call
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return none
    throw error
  }
}

/** Makes folders whose own names are durable. */
function createPlaces(calls: FileCalls, top: string): { make(path: string): Promise<void> } {
  const durable = new Set<string>()
  return {
    async make(given) {
      const path = resolve(given)
      if (durable.has(path)) return
      await makeDurableFolder(calls, path, top)
      durable.add(path)
    },
  }
}

async function replaceOnce(calls: FileCalls, files: readonly FileWrite[]): Promise<void> {
  // All of them end before this goes on: a write under way would meet that of the next attempt, and
  // a failed fsync must not be missed behind an error that is less.
  const results = await Promise.allSettled(
    files.map(({ path, content }) => writeTemporary(calls, path, [Buffer.from(content)])),
  )
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  const error = errors.find((one) => one instanceof SyncFailed) ?? errors[0]
  if (error !== undefined) return await giveUp(calls, files, error)
  try {
    for (const { path } of files) await takeEffect(calls, path)
  } catch (failure) {
    await giveUp(calls, files, failure)
  }
}

/** On a full disk the temporary files of a failed attempt would keep the next one from fitting. */
async function giveUp(
  calls: FileCalls,
  files: readonly FileWrite[],
  error: unknown,
): Promise<never> {
  // After a failed fsync nothing is touched any more.
  if (error instanceof SyncFailed) throw error
  for (const { path } of files) await calls.remove(path + temporarySuffix).catch(() => undefined)
  throw error
}

async function settleFolder(calls: FileCalls, path: string): Promise<void> {
  const names = await unlessMissing(calls.list(path), null)
  if (names === null) return
  for (const name of names.filter((one) => one.endsWith(temporarySuffix))) {
    await calls.remove(join(path, name)).catch(() => undefined)
  }
  await syncFolder(calls, path)
}

/** Reads a file as UTF-8 text, or null if there is none. Errors: those of the file system. */
export async function readText(disk: Disk, path: string): Promise<string | null> {
  const bytes = await disk.read(path)
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}
