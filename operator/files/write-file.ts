import { randomBytes } from 'node:crypto'
import { link, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'

/** Prefix of files that are being written; a crash may leave one behind, and nothing reads it. */
const temporaryPrefix = '.covey-'

/**
 * Writes a file whole or not at all: temporary file in the same folder, fsync, rename, fsync of the
 * folder. What is no regular file (`/dev/stdout`, a pipe) is written to as it is. A link keeps
 * pointing where it did. Throws `Failure` `cannot-write` with exit code 1; then what was there
 * before is unchanged.
 */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path)
    const existing = await stat(target).catch(() => undefined)
    if (existing !== undefined && !existing.isFile()) return await writeThrough(target, text)
    const temporary = await writeTemporary(target, text, existing ? existing.mode & 0o777 : mode)
    try {
      await rename(temporary, target)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await syncFolder(dirname(target))
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

/**
 * Makes a new file, whole and durable, unless one of that name exists: false then. Two processes
 * that try at once cannot both get true, and a crash at any moment leaves the whole file or none.
 */
export async function createWhole(path: string, text: string, mode = 0o644): Promise<boolean> {
  try {
    const temporary = await writeTemporary(path, text, mode)
    try {
      await link(temporary, path)
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      throw error
    } finally {
      await rm(temporary, { force: true })
    }
    await syncFolder(dirname(path))
    return true
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

/** Makes a folder and those above it; `mode` is for what it makes. */
export async function makeFolder(path: string, mode = 0o755): Promise<void> {
  try {
    await makeFolders(path, mode)
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

/**
 * Node's own `recursive` tries for ever where no folder can be made in one that is there and says
 * so with ENOENT, as /proc does, or a mount that comes on demand.
 */
async function makeFolders(path: string, mode: number): Promise<void> {
  const above = dirname(path)
  if (above !== path && (await stat(above).catch(() => undefined)) === undefined) {
    await makeFolders(above, mode)
  }
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return
    throw Object.assign(new Error('it is no folder', { cause: error }), { code: 'ENOTDIR' })
  }
}

/** Throws `cannot-write` if a file could not be put there, before anything else is done for it. */
export async function expectWritable(path: string): Promise<void> {
  try {
    const existing = await stat(path).catch(() => undefined)
    if (existing?.isDirectory()) {
      throw Object.assign(new Error('it is a folder, not a file'), { code: 'EISDIR' })
    }
    if (existing !== undefined && !existing.isFile()) return
    const probe = await writeTemporary(path, '', 0o600)
    await rm(probe, { force: true })
  } catch (error) {
    throw cannotWrite(path, error)
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w')
  try {
    await handle.writeFile(text)
  } finally {
    await handle.close()
  }
}

async function writeTemporary(path: string, text: string, mode: number): Promise<string> {
  const temporary = join(dirname(path), `${temporaryPrefix}${randomBytes(8).toString('hex')}`)
  const handle = await open(temporary, 'wx', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  return temporary
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function cannotWrite(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error
  const message = `cannot write ${path}: ${systemReason(error)}`
  const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(error))
  const way = isFull ? 'make room there' : 'write to another place'
  const hint = `what was there before is unchanged; ${way}`
  return new Failure(1, 'cannot-write', message, { hint, cause: error })
}
