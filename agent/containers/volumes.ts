import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isName } from '../../protocol/names.ts'
import type { VolumeUse } from '../../reconcilers/runc/bundle/facts.ts'

/** Objects that have a folder, sorted. */
export function foldersOfVolumes(folder: string): readonly string[] {
  return readdirSync(folder).filter(isName).sort()
}

/** Makes the folders that are missing; one that is there keeps its owner. */
export function makeVolumes(folder: string, volumes: readonly VolumeUse[]): void {
  for (const { object, uid, gid } of volumes) {
    const path = join(folder, object)
    if (existsSync(path)) continue
    // Others in the container may look; the folder above keeps everybody else out.
    mkdirSync(path)
    chmodSync(path, 0o755)
    chownSync(path, uid, gid)
  }
}
