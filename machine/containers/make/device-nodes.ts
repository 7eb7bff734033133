import { constants, fstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import type { DeviceNode } from '../../../reconcilers/container-facts.ts'
import { devicePathRefusal, type GrantFacts } from '../../../reconcilers/runc/bundle/grants.ts'
import { deviceFoldersMax, deviceNodesMax } from '../limits.ts'
import { deviceNumbers, inFolder, withOpened } from '../mounts/opened.ts'

/**
 * The nodes at a path, or below it where it is a folder, without those behind links. The grants are
 * asked for what was opened, and everything is read from there: no name is followed twice.
 *
 * Error: `not-granted`.
 */
export function grantedNodes(path: string, grants: GrantFacts): readonly DeviceNode[] {
  const found: DeviceNode[] = []
  withOpened(path, constants.O_NOFOLLOW, (file) => {
    if (fstatSync(file).isSymbolicLink()) return
    const real = readlinkSync(`/proc/self/fd/${file}`)
    const refusal = devicePathRefusal(path, real, grants)
    if (refusal !== undefined) throw new CoveyError('not-granted', refusal)
    collect(file, path, 0, found)
  })
  return found
}

function collect(file: number, path: string, depth: number, found: DeviceNode[]): void {
  if (found.length >= deviceNodesMax) return
  const stat = fstatSync(file, { bigint: true })
  if (stat.isDirectory() && depth < deviceFoldersMax) {
    for (const name of readdirSync(`/proc/self/fd/${file}`)) {
      withOpened(inFolder(file, name), constants.O_NOFOLLOW, (inner) =>
        collect(inner, join(path, name), depth + 1, found),
      )
    }
  } else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
    const type = stat.isBlockDevice() ? 'b' : 'c'
    const [uid, gid] = [Number(stat.uid), Number(stat.gid)]
    const mode = Number(stat.mode) & 0o7777
    found.push({ path, type, mode, uid, gid, ...deviceNumbers(stat.rdev) })
  }
}
