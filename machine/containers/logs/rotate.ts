import { constants } from 'node:fs'
import { link, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseLogRecord } from '../../../protocol/log-record.ts'
import { type LogFile, listLogFiles } from './files.ts'
import { logFileBytesMax } from './limits.ts'
import { currentLogPath, logFolder, parseLogName, rotatedLogPath } from './places.ts'

/**
 * Makes the folder of an object's logs ready for a container, and gives the file that its
 * supervisor is to write to. What an earlier container of the same id has written is rotated away
 * if another one has written since, so that each file is one stretch of time.
 */
export async function prepareLog(stateDir: string, object: string, id: string): Promise<string> {
  const folder = logFolder(stateDir, object)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = listLogFiles(folder)
  const current = files.find((file) => file.id === id && file.number === null)
  const isOld = files.some((file) => file.id !== id && file.writtenMs > (current?.writtenMs ?? 0))
  // The supervisor that is to come counts from zero.
  const isLarge = (current?.sizeBytes ?? 0) >= logFileBytesMax
  if (current !== undefined && (isOld || isLarge)) await rotateAway(current, files)
  return currentLogPath(stateDir, object, id)
}

/** Gives a current file the next number. Who has it open goes on writing to it. */
export async function rotateAway(current: LogFile, files: readonly LogFile[]): Promise<void> {
  if (current.ahead !== null) {
    // A rename of one name of a file to another of its names does nothing (rename(2)). The one that
    // is left is another than that which the supervisor would leave.
    await rm(current.path, { force: true })
    return await rename(current.ahead, nextRotated(current, files))
  }
  await rename(current.path, nextRotated(current, files)).catch((error) => {
    // Somebody else was faster, and what they did is what was wanted.
    if (error.code !== 'ENOENT') throw error
  })
}

/**
 * Gives a current file the name that it will have once it is rotated, beside the one that it has.
 * Its supervisor begins another one in its place when it has grown too large, and what was written
 * stays by this name then. The name; null where there is none.
 */
export async function nameAhead(
  current: LogFile,
  files: readonly LogFile[],
): Promise<string | null> {
  if (current.ahead !== null) return current.ahead
  const path = nextRotated(current, files)
  // Where it is gone, or the name is taken, the next look finds out.
  return await link(current.path, path).then(
    () => path,
    () => null,
  )
}

/**
 * Puts a line into the log of a container, before all of its current file: that lines before it may
 * be lost.
 */
export async function noteLoss(current: LogFile, files: readonly LogFile[]): Promise<void> {
  const first = await readFirst(current.path)
  const time = parseLogRecord(first)?.time ?? new Date(current.writtenMs).toISOString()
  const path = nextRotated(current, files)
  await writeFile(path, `${time} stderr F ${lossText}\n`, { flag: 'wx', mode: 0o600 })
}

const lossText = '[covey: lines may be missing here: more was written than its log can keep]'

async function readFirst(path: string): Promise<Uint8Array> {
  const handle = await open(path).catch(() => null)
  if (handle === null) return new Uint8Array()
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(128), 0, 128, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

function nextRotated(current: LogFile, files: readonly LogFile[]): string {
  const own = files.filter(({ id }) => id === current.id)
  const ahead = own.flatMap((file) => parseLogName(basename(file.ahead ?? '')) ?? [])
  const numbers = [...own, ...ahead].map(({ number }) => number ?? 0)
  return rotatedLogPath(current.path, Math.max(0, ...numbers) + 1)
}

/** Message for conmon's `ctl`: 2 means to open the log again, and takes no sizes. */
const reopenMessage = '2 0 0\n'

/**
 * Lets the supervisor of a container open its log again. It makes a new file in the old one's
 * place, so the old one must have been rotated away before. Whether a supervisor was there.
 */
export async function reopenLog(bundle: string): Promise<boolean> {
  // Not to wait is what tells that nobody reads: the open fails with ENXIO (fifo(7)).
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const control = await open(join(bundle, 'ctl'), flags).catch(() => null)
  if (control === null) return false
  try {
    if (!(await control.stat()).isFIFO()) return false
    await control.write(reopenMessage)
    return true
  } catch {
    // It ended before it could hear of it.
    return false
  } finally {
    await control.close()
  }
}

/** True if a supervisor reads what `reopenLog` would write. */
export async function hasSupervisor(bundle: string): Promise<boolean> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const control = await open(join(bundle, 'ctl'), flags).catch(() => null)
  if (control === null) return false
  const seen = await control.stat()
  await control.close()
  return seen.isFIFO()
}
