import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import { isName } from '../../../protocol/names.ts'
import type { VolumeUse } from '../../../reconcilers/container-facts.ts'

/** Objects that have a folder, sorted. */
export function foldersOfVolumes(folder: string): readonly string[] {
  return readdirSync(folder).filter(isName).sort()
}

/**
 * Makes the folders that are missing; one that is there keeps its owner. Throws `container-create`
 * where something else has the name of one.
 */
export function makeVolumes(folder: string, volumes: readonly VolumeUse[]): void {
  for (const { object, uid, gid } of volumes) {
    const path = join(folder, object)
    // A link would give a container whatever it leads to, unasked by any grant.
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isDirectory()) continue
    if (found?.isSymbolicLink()) {
      const message = `the volume ${object}: ${path} is a symbolic link: put the real file or folder there`
      throw new CoveyError('container-create', message)
    }
    if (found !== undefined) {
      throw new CoveyError('container-create', `${path} is not a folder: move it away`)
    }
    // Others in the container may look; the folder above keeps everybody else out.
    mkdirSync(path)
    chmodSync(path, 0o755)
    chownSync(path, uid, gid)
  }
}
