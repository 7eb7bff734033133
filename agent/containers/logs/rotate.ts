import { constants } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type LogFile, listLogFiles } from './files.ts'
import { currentLogPath, logFolder, rotatedLogPath } from './places.ts'

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
  if (current !== undefined && isOld) await rotateAway(current, files)
  return currentLogPath(stateDir, object, id)
}

/** Gives a current file the next number. Who has it open goes on writing to it. */
export async function rotateAway(current: LogFile, files: readonly LogFile[]): Promise<void> {
  const numbers = files.filter(({ id }) => id === current.id).map(({ number }) => number ?? 0)
  const rotated = rotatedLogPath(current.path, Math.max(0, ...numbers) + 1)
  await rename(current.path, rotated).catch((error) => {
    // Somebody else was faster, and what they did is what was wanted.
    if (error.code !== 'ENOENT') throw error
  })
}

/** What conmon understands on its `ctl`: 2 is to open the log again, and takes no sizes. */
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

/** Whether a supervisor reads what `reopenLog` would write. */
export async function hasSupervisor(bundle: string): Promise<boolean> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const control = await open(join(bundle, 'ctl'), flags).catch(() => null)
  if (control === null) return false
  const seen = await control.stat()
  await control.close()
  return seen.isFIFO()
}
