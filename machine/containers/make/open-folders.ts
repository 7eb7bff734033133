import { chmodSync, chownSync, constants, lstatSync, mkdirSync } from 'node:fs'
import { CoveyError } from '../../../protocol/fault.ts'
import { inFolder, withOpened } from '../mounts/opened.ts'

/** Owner of a folder that is made. */
export interface FolderOwner {
  readonly uid: number
  readonly gid: number
}

/**
 * Makes what is missing of `rest`, parts below `folder`: the last one belongs to `owner`, those on
 * the way to root. Each part is opened in the one before and never by a link, so that whoever may
 * write there leads nothing elsewhere. A last part that is there stays as it is.
 *
 * Error: `container-create`.
 */
export function makeBelow(
  folder: string,
  rest: readonly string[],
  owner: FolderOwner,
  what: string,
): void {
  const made = withOpened(folder, constants.O_DIRECTORY, (file) => {
    makeIn(file, rest, owner, what)
    return true
  })
  if (made === null) throw new CoveyError('container-create', `${what}: ${folder} is not a folder`)
}

function makeIn(
  folder: number,
  [name, ...rest]: readonly string[],
  owner: FolderOwner,
  what: string,
): void {
  if (name === undefined) return
  const path = inFolder(folder, name)
  const isMade = makeFolder(path)
  const isLast = rest.length === 0
  // A last part that was there may be anything; it is judged by what is mounted.
  if (isLast && !isMade) return
  const flags = constants.O_DIRECTORY | constants.O_NOFOLLOW
  const opened = withOpened(path, flags, (file) => {
    if (isMade) own(file, isLast ? owner : { uid: 0, gid: 0 })
    makeIn(file, rest, owner, what)
    return true
  })
  if (opened !== null) return
  const message = `${what}: ${name} is no folder or is a symbolic link: put the real folder there`
  throw new CoveyError('container-create', message)
}

/** True if it was missing. */
function makeFolder(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false
  mkdirSync(path, { mode: 0o700 })
  return true
}

function own(file: number, { uid, gid }: FolderOwner): void {
  const opened = `/proc/self/fd/${file}`
  chmodSync(opened, 0o755)
  chownSync(opened, uid, gid)
}
