import { existsSync } from 'node:fs'
import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../../protocol/system-reason.ts'

/**
 * Makes a folder of this mode, and what is missing above it; the umask of who started this process
 * takes nothing from an `exact` mode. One that is there stays as it is. Rejects with ENOTDIR where
 * something else is in its place.
 */
export async function makeFolder(
  path: string,
  mode: number = 0o700,
  modeIs: 'exact' | 'umask' = 'exact',
): Promise<void> {
  // Node's own `recursive` tries for ever, or says that a folder is missing, where none can be made
  // in one that is there: on a read-only file system, in /proc, on a mount that comes on demand.
  const above = dirname(path)
  if (above !== path && !existsSync(above)) await makeFolder(above, mode, modeIs)
  try {
    await mkdir(path, { mode })
  } catch (error) {
    // Also other errors than EEXIST: what is there on a read-only file system is there.
    if ((await stat(path).catch(() => null))?.isDirectory() === true) return
    if (systemCode(error) !== 'EEXIST') throw error
    throw Object.assign(new Error('it is not a folder', { cause: error }), { code: 'ENOTDIR' })
  }
  if (modeIs === 'exact') await chmod(path, mode)
}
