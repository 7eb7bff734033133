import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostFiles } from '../../reconcilers/host-ports.ts'

/** Where the files are: `stateDir` outlives a reboot, `runDir` holds what must not. */
export interface FilePlaces {
  readonly stateDir: string
  readonly runDir: string
}

/**
 * Files of the reconcilers, below `stateDir`; temporary ones in `runDir`. Folders are made when
 * needed.
 */
export function createHostFiles(places: FilePlaces): HostFiles {
  return {
    async read(path) {
      try {
        return await readFile(inside(places.stateDir, path), 'utf8')
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    write: (path, text) => writeDurably(inside(places.stateDir, path), text),
    async remove(path) {
      const file = inside(places.stateDir, path)
      await rm(file, { force: true })
      await syncFolder(dirname(file)).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    },
    async withTemporary(text, use) {
      await mkdir(places.runDir, { recursive: true, mode: 0o750 })
      const file = join(places.runDir, `.${randomBytes(12).toString('hex')}.tmp`)
      const handle = await open(file, 'wx', 0o600)
      try {
        try {
          await handle.writeFile(text)
        } finally {
          await handle.close()
        }
        return await use(file)
      } finally {
        await rm(file, { force: true })
      }
    },
  }
}

/** Paths are made from checked names; this is the second lock on the same door. */
function inside(folder: string, path: string): string {
  const parts = path.split('/')
  if (parts.some((part) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(part))) {
    throw new CoveyError('unsafe-path', `not a path below the state folder: ${path}`)
  }
  return join(folder, ...parts)
}

/** The content reaches the disk before the name, and the name before this resolves. */
async function writeDurably(file: string, text: string): Promise<void> {
  const folder = dirname(file)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(folder)
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
