import { randomBytes } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../platform/files/make-folder.ts'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostFiles } from '../../reconcilers/host-ports.ts'
import { createDisk, readText } from './disk.ts'

/** Folders of the files: `stateDir` outlives a reboot, `runDir` holds what must not. */
export interface FilePlaces {
  readonly stateDir: string
  readonly runDir: string
}

/**
 * Files of the reconcilers, below `stateDir`; temporary ones in `runDir`. Folders are made when
 * needed.
 */
export function createHostFiles(places: FilePlaces): HostFiles {
  const disk = createDisk(places.stateDir)
  return {
    read: (path) => readText(disk, checked(path)),
    write: (path, text) => disk.replace([{ path: checked(path), content: text }]),
    async remove(path) {
      if ((await disk.read(checked(path))) !== null) await disk.remove(path)
    },
    async withTemporary(text, use) {
      await makeFolder(places.runDir, 0o750)
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
function checked(path: string): string {
  const parts = path.split('/')
  if (parts.some((part) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(part))) {
    throw new CoveyError('unsafe-path', `not a path below the state folder: ${path}`)
  }
  return path
}
