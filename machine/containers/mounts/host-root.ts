import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { closedFolders } from '../../../reconcilers/runc/bundle/host-paths.ts'
import { mountMs } from '../limits.ts'
import type { ContainerPlaces } from '../places.ts'
import { mountPoints } from '../processes.ts'
import { runSound } from '../spawn.ts'
import { type GrantSettings, grantFacts } from './grant-facts.ts'
import { restBelow, tableText } from './mount-table.ts'
import { openPaths } from './opened.ts'

/**
 * Mounts the root of the host for a container that may look at it: read-only, without what the host
 * has mounted below it, and with something empty over covey's own folders and those that are never
 * mounted. May be called again after it broke off anywhere. Errors: `tool-…`.
 */
export async function mountHostRoot(
  state: GrantSettings,
  { hostRoot }: Pick<ContainerPlaces, 'hostRoot'>,
  signal: AbortSignal,
): Promise<void> {
  const mount = (...args: readonly string[]): Promise<unknown> =>
    runSound({ tool: 'mount', args: [...args], timeoutMs: mountMs }, signal)
  mkdirSync(hostRoot, { recursive: true, mode: 0o700 })
  const plain = 'ro,nosuid,nodev,noexec'
  if (!mountPoints().has(hostRoot)) await mount('--bind', '-o', plain, '/', hostRoot)
  await mount('--make-private', hostRoot)
  await mount('-o', `remount,bind,${plain}`, hostRoot)
  for (const folder of hiddenFolders(state)) {
    const at = join(hostRoot, folder)
    if (mountPoints().has(at) || !isFolder(hostRoot, folder)) continue
    await mount('-t', 'tmpfs', '-o', `${plain},size=4k,mode=0`, 'covey-hidden', at)
  }
}

/**
 * Outer ones first: what lies in one that is hidden is gone by then. A folder may be a mount of one
 * that has another name on the same file system, and is hidden by that name as well.
 */
function hiddenFolders(state: GrantSettings): readonly string[] {
  const { ownFolders } = grantFacts(state)
  const usual = ['/var/lib/covey', '/etc/covey']
  const named = [...closedFolders, ...usual, ...ownFolders]
  const { opened } = openPaths(['/', ...named].map((path) => ({ path, followsLast: true })))
  const [top, ...rest] = opened.map((each) => each?.area)
  const mounted = rest.flatMap((area) => {
    if (area === undefined || area.device !== top?.device) return []
    const below = restBelow(area.root, top.root)
    return below === undefined || below === '' ? [] : [tableText(below)]
  })
  return [...new Set([...named, ...mounted])].sort()
}

/** False as well for what a link leads to: that is hidden by its real name, and stays as it is. */
function isFolder(root: string, folder: string): boolean {
  try {
    const real = realpathSync(join(root, folder))
    return real === join(realpathSync(root), folder) && lstatSync(real).isDirectory()
  } catch {
    return false
  }
}
