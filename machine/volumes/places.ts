import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostPlaces } from '../containers/places.ts'
import { createCommandRunner } from '../tools.ts'
import { syncMs } from './limits.ts'

/** Folders of volumes, and of what is thrown away. */
export type VolumePlaces = Pick<HostPlaces, 'volumes' | 'trash'>

/** Prefixes of names that no object can have: what is unpacked, and what it took the place of. */
const unpacked = '.restored-'
const replaced = '.replaced-'

/** The folder in which a restore unpacks. */
export function besideVolume(places: VolumePlaces, object: string): string {
  return join(places.volumes, unpacked + object)
}

/** Sets right what was cut off: each volume has its old content, or the new. */
export function settleVolumes(places: VolumePlaces): void {
  for (const name of readdirSync(places.volumes)) {
    const path = join(places.volumes, name)
    const volume = join(places.volumes, name.slice(replaced.length))
    if (name.startsWith(replaced) && !existsSync(volume)) renameSync(path, volume)
    else if (name.startsWith(replaced) || name.startsWith(unpacked)) throwAway(places, path)
  }
}

/** Nothing of this agent comes between the two renames. After a crash `settleVolumes` does. */
export function swapVolume(places: VolumePlaces, object: string, content: string): void {
  const volume = join(places.volumes, object)
  if (!existsSync(volume)) return renameSync(content, volume)
  const old = join(places.volumes, replaced + object)
  renameSync(volume, old)
  try {
    renameSync(content, volume)
  } catch (error) {
    renameSync(old, volume)
    throw error
  }
  throwAway(places, old)
}

/** Resolves once all of the file system of a path is on the disk. Throws `storage`. */
export async function syncAll(path: string): Promise<void> {
  const run = createCommandRunner()
  const command = { tool: 'sync', args: ['--file-system', path], timeoutMs: syncMs }
  const { exitCode } = await run(command, AbortSignal.timeout(syncMs))
  if (exitCode !== 0) throw new CoveyError('storage', 'the disk does not keep what is written')
}

/** A rename, so that it is gone at once; a start of the agent empties what a crash left. */
export function throwAway({ trash }: VolumePlaces, path: string): void {
  mkdirSync(trash, { recursive: true, mode: 0o700 })
  const name = join(trash, randomBytes(8).toString('hex'))
  renameSync(path, name)
  void rm(name, { recursive: true, force: true }).catch(() => undefined)
}
