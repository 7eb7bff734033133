import { existsSync } from 'node:fs'
import { chmod, lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../platform/files/make-folder.ts'
import { expectRootOwned, judgeEntry } from './root-owned.ts'

/**
 * Makes one of the agent's own folders, or takes the one that is there: it gets its mode, the
 * folders right in it get 0700, and only root may be able to put another one in its place. Returns
 * whether others could look into it before. Rejects with `not-root-owned` if it, a folder above it
 * or one right in it is somebody else's: where it stood open, anybody may have made that.
 */
export async function claimFolder(path: string, mode: number = 0o700): Promise<boolean> {
  await makeFolder(path, mode)
  const { uid, mode: found } = await stat(path)
  const wasOpen = isOurs(uid) && (found & 0o777) !== mode
  if (wasOpen) await chmod(path, mode)
  expectRootOwned(path)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await closeFolder(join(path, entry.name))
    else if (entry.isSymbolicLink() && existsSync(join(path, entry.name))) {
      expectRootOwned(join(path, entry.name))
    }
  }
  return wasOpen
}

async function closeFolder(path: string): Promise<void> {
  try {
    const stats = await lstat(path)
    if ((stats.mode & 0o077) !== 0 && isOurs(stats.uid)) await chmod(path, 0o700)
    judgeEntry(path, await lstat(path), 'end')
  } catch (error) {
    // Under a running agent folders come and go.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.getuid?.()
}
