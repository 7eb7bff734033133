import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expectRootOwned } from '../machine/root-owned.ts'

/**
 * Makes a folder of exactly this mode, and what is missing above it, whatever the umask of who
 * started this process. One that is there stays as it is.
 */
export async function makeFolder(path: string, mode: number = 0o700): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode })
  if (first === undefined) return
  for (let at = path; ; at = dirname(at)) {
    await chmod(at, mode)
    if (at === first || at === dirname(at)) return
  }
}

/**
 * Makes one of the agent's own folders, or takes the one that is there: it gets its mode, and only
 * root may be able to put another one in its place. Returns whether others could look into it
 * before. Rejects with `not-root-owned` if it, or a folder above it, is somebody else's.
 */
export async function claimFolder(path: string, mode: number = 0o700): Promise<boolean> {
  await makeFolder(path, mode)
  const { uid, mode: found } = await stat(path)
  const isOurs = uid === 0 || uid === process.getuid?.()
  const wasOpen = isOurs && (found & 0o777) !== mode
  if (wasOpen) await chmod(path, mode)
  expectRootOwned(path)
  return wasOpen
}
