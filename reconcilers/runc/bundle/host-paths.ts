/**
 * Folders of the host that are never mounted into a container (docs/OBJECTS.md, runc_container).
 */
export const closedFolders: readonly string[] = ['/proc', '/sys', '/dev', '/run', '/var/run']

/** Files of the host that every container may have as a copy, and the names of the copies. */
export const timeFiles: ReadonlyMap<string, string> = new Map([
  ['/etc/localtime', 'localtime'],
  ['/etc/timezone', 'timezone'],
])

/** Default folders of covey's state and settings. */
const usualFolders: readonly string[] = ['/var/lib/covey', '/etc/covey']

/** True if `path` is `folder` or lies below it. Both absolute, without `.` and `..`. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/**
 * Reason that a path of the host is never mounted into a container, or undefined. `ownFolders` are
 * the folders of this host's covey beyond the default ones.
 */
export function hostPathFault(path: string, ownFolders: readonly string[]): string | undefined {
  if (path === '/') return 'the root of the host is never mounted: name a folder'
  const within = closedFolders.find((folder) => isWithin(path, folder))
  if (within !== undefined) return `${within} of the host is never mounted`
  const own = [...usualFolders, ...ownFolders].find(
    (folder) => isWithin(path, folder) || isWithin(folder, path),
  )
  if (own === undefined) return undefined
  const how = isWithin(path, own) ? 'lies in' : 'holds'
  return `${how} ${own}, covey's own folder, which is never mounted`
}
