import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import type { GrantedPath } from '../../../reconcilers/runc/bundle/grants.ts'
import { isWithin } from '../../../reconcilers/runc/bundle/host-paths.ts'
import { linksMax } from '../limits.ts'

/**
 * Resolves the path of a grant. A link on the way is followed only where the host's root alone
 * could have made it: in a folder of root's, to which root's folders lead, and in no other folder
 * that is granted. Else whoever may write beside what is granted could move the grant itself.
 */
export function grantedPath(path: string, grants: readonly string[]): GrantedPath {
  const others = grants.filter((grant) => grant !== path)
  const open = others.flatMap((grant) => [grant, walk(grant).real])
  const { real, links, strange } = walk(path)
  const opened = links.find((link) => open.some((folder) => isWithin(dirname(link), folder)))
  const link = strange ?? opened
  return link === undefined ? { real } : { link }
}

interface Walk {
  /** The path with links resolved; parts that do not exist are kept as written. */
  readonly real: string
  /** Links that were followed. */
  readonly links: readonly string[]
  /** The first link that others than root may have made. */
  readonly strange: string | undefined
}

function walk(path: string): Walk {
  const links: string[] = []
  let strange: string | undefined
  let real = '/'
  let isRoots = isRootsAlone(lstatOf('/'))
  const parts = partsOf(path)
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    // No link is left in what is before it.
    if (part === '..') real = dirname(real)
    if (part === '..' || part === '.') continue
    const next = join(real, part)
    const stat = lstatOf(next)
    if (stat?.isSymbolicLink() && links.length < linksMax) {
      links.push(next)
      if (!isRoots) strange ??= next
      const target = linkAt(next) ?? ''
      parts.unshift(...partsOf(target))
      if (target.startsWith('/')) {
        real = '/'
        isRoots = isRootsAlone(lstatOf('/'))
      }
    } else {
      real = next
      isRoots &&= stat === null || isRootsAlone(stat)
    }
  }
  return { real, links, strange }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}

/** True if only root makes names in a folder. */
function isRootsAlone(stat: Stats | null): boolean {
  if (stat === null || stat.uid !== 0 || !stat.isDirectory()) return false
  const isGroups = stat.gid !== 0 && (stat.mode & 0o020) !== 0
  return !isGroups && (stat.mode & 0o002) === 0
}

function lstatOf(path: string): Stats | null {
  try {
    return lstatSync(path)
  } catch {
    return null
  }
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
