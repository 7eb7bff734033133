import { randomUUID } from 'node:crypto'
import { cp, lstat, readdir, rename, rm } from 'node:fs/promises'
import { shownPath } from '../../../platform/tar/refuse.ts'
import { Failure, systemCode } from '../../terminal/failure.ts'

/**
 * Gives what was unpacked its place: a name, at once by one rename where nothing or one file is
 * there. A folder is merged into a folder, file by file, and never through a link: an earlier copy
 * may have made that. Throws `Failure` `cp-in-the-way` (2), and system errors.
 */
export async function settleLocal(from: Buffer, to: Buffer): Promise<void> {
  const [source, there] = [await lstat(from), await lookLocal(to)]
  const isFolder = there?.isDirectory() === true
  if (source.isDirectory() && there !== null) {
    if (!isFolder) throw inTheWay(to, there.isSymbolicLink() ? 'is a link' : 'is no folder')
    return mergeLocal(from, to)
  }
  if (isFolder) throw inTheWay(to, 'is a folder')
  try {
    await rename(from, to)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    // A folder below is another disk. A copy may be cut off, so it gets its name at the end.
    const part = `${to.toString()}.covey-${randomUUID()}`
    try {
      await cp(from.toString(), part, { recursive: true, verbatimSymlinks: true })
      await rename(part, to)
    } finally {
      await rm(part, { recursive: true, force: true })
    }
  }
}

/** Gives all that is in one folder its place in another. Modes of that one stay. */
export async function mergeLocal(from: Buffer, to: Buffer): Promise<void> {
  for (const name of await readdir(from, { encoding: 'latin1' })) {
    const below = Buffer.from(`/${name}`, 'latin1')
    await settleLocal(Buffer.concat([from, below]), Buffer.concat([to, below]))
  }
}

async function lookLocal(path: Buffer): Promise<Awaited<ReturnType<typeof lstat>> | null> {
  try {
    return await lstat(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

function inTheWay(path: Buffer, why: string): Failure {
  return new Failure(2, 'cp-in-the-way', `${shownPath(path.toString('latin1'))} ${why}`, {
    hint: 'move it away, or copy elsewhere',
  })
}
