import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { systemCode } from '../../protocol/system-reason.ts'
import type { FileCalls } from './calls.ts'
import { syncFolder, takeEffect, temporarySuffix, writeSynced } from './durable-file.ts'

/**
 * Durable files of a folder that several processes may write in at once, as those of the operator's
 * folder. Each has temporary names of its own; a crash may leave one behind, and nothing reads it.
 */
const temporaryPrefix = '.covey-'

/**
 * Writes content beside `path` under a new temporary name, whole and fsynced; gives that name.
 * Nothing is left where it fails. Errors: `SyncFailed`, and those of the calls.
 */
export async function makeTemporary(
  calls: FileCalls,
  path: string,
  content: string,
  mode: number,
): Promise<string> {
  const name = `${temporaryPrefix}${randomBytes(8).toString('hex')}${temporarySuffix}`
  const temporary = join(dirname(path), name)
  const file = await calls.createFile(temporary, mode)
  try {
    await writeSynced(file, path, [Buffer.from(content)])
  } catch (error) {
    await dropTemporary(calls, temporary)
    throw error
  }
  return temporary
}

/** Replaces or makes a file, durably. A crash leaves the old file or the new one, whole. */
export async function replaceDurably(
  calls: FileCalls,
  path: string,
  content: string,
  mode: number,
): Promise<void> {
  const temporary = await makeTemporary(calls, path, content, mode)
  try {
    await takeEffect(calls, path, temporary)
  } catch (error) {
    await dropTemporary(calls, temporary)
    throw error
  }
}

/**
 * Makes a new file, durably, unless one of that name exists: false then, and that one's name is
 * durable. Two processes that try at once cannot both get true, and a crash leaves the whole file
 * or none.
 */
export async function createDurably(
  calls: FileCalls,
  path: string,
  content: string,
  mode: number,
): Promise<boolean> {
  const temporary = await makeTemporary(calls, path, content, mode)
  const isNew = await takeFreeName(calls, path, temporary).finally(() =>
    dropTemporary(calls, temporary),
  )
  await syncFolder(calls, dirname(path))
  return isNew
}

async function takeFreeName(calls: FileCalls, path: string, temporary: string): Promise<boolean> {
  try {
    await calls.link(temporary, path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

/** Removes what nobody reads; that it cannot be removed does no harm to what is read. */
export async function dropTemporary(calls: FileCalls, temporary: string): Promise<void> {
  await calls.remove(temporary).catch(() => undefined)
}
