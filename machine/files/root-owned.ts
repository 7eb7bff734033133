import { constants, lstatSync, readlinkSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CoveyError } from '../../protocol/fault.ts'
import { linksFollowedMax } from '../limits.ts'

/**
 * Files that the agent reads as root, or runs, must come from root. These functions look at
 * every name on the way from `/`: each folder, each link and where it leads, and the end.
 *
 * A name is looked at and then used, which is only sound because of what is looked for: where every
 * folder on the way can be changed by root alone, nobody else can put another thing in the place of
 * what was looked at. What a file holds is judged on the opened file all the same.
 *
 * Root stands for uid 0 and for the agent's own user. A group may write if it is root's. A folder
 * that everybody may write is passed through if it is sticky, as /tmp is: nobody else can rename or
 * remove what is root's there (unlink(2), EPERM), and whatever is not root's is refused.
 */

/** Something at `path` is not root's alone. */
class NotRootOwned extends CoveyError {
  constructor(message: string, hint: string) {
    super('not-root-owned', message, { hint })
  }
}

/** A path without links, and what is there. */
interface Traced {
  readonly real: string
  readonly stats: Stats
}

/**
 * Expects that nobody but root can change what stands at an absolute path, or lead it elsewhere;
 * returns the path without links. Throws `not-root-owned`, and what lstat(2) fails with.
 */
export function expectRootOwned(path: string): string {
  return trace(path).real
}

/**
 * Reads a file that only root can have written. `bytesMax` is the largest that is taken. Rejects
 * with `not-root-owned`, with `file-too-large`, and with what open(2) and read(2) fail with.
 */
export async function readRootOwned(path: string, bytesMax: number): Promise<Buffer> {
  const { real, stats } = trace(path)
  if (!stats.isFile()) throw notRegular(path)
  // Without O_NONBLOCK a named pipe that has taken the file's place would hold the agent up.
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = await open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const opened = await file.stat()
    if (!opened.isFile()) throw notRegular(path)
    judgeEntry(real, opened, 'end')
    const buffer = Buffer.alloc(bytesMax + 1)
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled)
      if (bytesRead === 0) return buffer.subarray(0, filled)
      filled += bytesRead
    }
    throw new CoveyError('file-too-large', `${path} is larger than ${bytesMax} bytes`, {
      hint: 'check that it is the right file',
    })
  } finally {
    await file.close()
  }
}

function notRegular(path: string): CoveyError {
  const hint = 'put a regular file there'
  return new CoveyError('not-a-file', `${path} is not a regular file`, { hint })
}

/** Walks a path as the kernel does, one name after the other (path_resolution(7)). */
function trace(path: string): Traced {
  // Only a relative path is completed here: `a/../b` is not `b` where `a` is a link.
  const rest = (path.startsWith('/') ? path : `${resolve()}/${path}`).split('/')
  const done: string[] = []
  let links = 0
  judgeEntry('/', lstatSync('/'), 'way')
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    const at = `/${[...done, part].join('/')}`
    const found = lstatSync(at)
    judgeEntry(at, found, 'way')
    if (!found.isSymbolicLink()) {
      done.push(part)
      continue
    }
    links++
    if (links > linksFollowedMax) {
      const hint = 'name the file itself'
      throw new NotRootOwned(`${path} follows more than ${linksFollowedMax} links`, hint)
    }
    const target = readlinkSync(at)
    if (target.startsWith('/')) done.length = 0
    rest.unshift(...target.split('/'))
  }
  const real = `/${done.join('/')}`
  const stats = lstatSync(real)
  judgeEntry(real, stats, 'end')
  return { real, stats }
}

/**
 * Judges one entry of the file system by what lstat(2) or fstat(2) say. On the `way`, a sticky
 * folder may be passed through; at the `end`, what is in it matters, and anybody may add to it.
 */
export function judgeEntry(path: string, stats: Stats, position: 'way' | 'end'): void {
  if (stats.uid !== 0 && stats.uid !== process.getuid?.()) {
    throw new NotRootOwned(
      `${path} can be written by others than root: it belongs to user ${stats.uid}`,
      `chown -h root ${shellWord(path)}, or keep it where only root can write`,
    )
  }
  // The mode of a link means nothing (symlink(7)).
  if (stats.isSymbolicLink()) return
  const others = (stats.mode & 0o002) !== 0
  const group = (stats.mode & 0o020) !== 0 && stats.gid !== 0
  if (!others && !group) return
  if (position === 'way' && stats.isDirectory() && (stats.mode & 0o1000) !== 0) return
  const who = others ? 'everybody' : `group ${stats.gid}`
  throw new NotRootOwned(
    `${path} can be written by others than root: ${who} may write it`,
    `chmod go-w ${shellWord(path)}`,
  )
}

/** A word for a shell, quoted where it has to be. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_./@%+=:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
