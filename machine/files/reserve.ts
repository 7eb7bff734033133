import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type FileCalls, isFull } from '../../platform/files/calls.ts'
import {
  SyncFailed,
  syncFolder,
  takeEffect,
  temporarySuffix,
  writeTemporary,
} from '../../platform/files/durable-file.ts'
import { systemCode } from '../../protocol/system-reason.ts'

/** Kept free for documents: holds the largest ones of a change, and their temporary files. */
export const reserveBytes: number = 16 * 1024 * 1024
/** The reserve is made only where so much is free: it must not be what fills the disk. */
export const reserveRoomBytes: number = 2 * reserveBytes
/** Its name in the state folder. */
export const reserveFile: string = 'reserve'

const partBytes = 1024 * 1024

/**
 * Makes the reserve where it is missing and there is room; says whether it is there now. Random
 * bytes: a file of zeros takes no space on a file system that compresses. Error: `SyncFailed`.
 */
export async function keepReserve(calls: FileCalls, folder: string): Promise<boolean> {
  const path = join(folder, reserveFile)
  const length = await calls.length(path).catch(() => 0)
  if (length >= reserveBytes) return true
  try {
    if ((await calls.freeBytes(folder)) < reserveRoomBytes) return false
    await writeTemporary(calls, path, parts())
    await takeEffect(calls, path)
    return true
  } catch (error) {
    if (error instanceof SyncFailed) throw error
    await calls.remove(path + temporarySuffix).catch(() => undefined)
    return false
  }
}

function* parts(): Iterable<Uint8Array> {
  const part = randomBytes(partBytes)
  for (let bytes = 0; bytes < reserveBytes; bytes += partBytes) yield part
}

/**
 * Gives the reserve up, so that a document fits on a full disk. Returns whether there was one:
 * false means that trying again is of no use. Error: `SyncFailed`.
 */
export async function giveUpReserve(calls: FileCalls, folder: string): Promise<boolean> {
  const path = join(folder, reserveFile)
  try {
    await calls.length(path)
    await calls.remove(path)
    // Some file systems free the space of a removed file only with their next transaction.
    await syncFolder(calls, folder)
    return true
  } catch (error) {
    if (isFull(error) || systemCode(error) === 'ENOENT') return false
    throw error
  }
}
