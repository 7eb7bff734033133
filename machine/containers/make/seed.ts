import {
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { chmod, chown } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { MountNeeds } from '../../../reconcilers/container-facts.ts'
import { openPlace, placePath } from '../copy/places.ts'
import { merge } from '../copy/settle.ts'
import { linksMax, seedMs } from '../limits.ts'
import { runSound } from '../spawn.ts'

/** Places of a seeding: the folder of all volumes, the image's files, and a name for the copy. */
export interface SeedPlaces {
  readonly volumes: string
  readonly rootfs: string
  readonly id: string
}

/**
 * Gives empty volumes what the image has at the path where they are mounted, with owners, modes and
 * attributes, that of the folder itself included. It is copied beside the volume and takes its
 * place as a whole, so that no crash leaves half of it; a volume that is a mount of its own gets
 * files, folders and links one by one. Nothing runs in the image's files yet.
 *
 * Errors: `tool-…`, `cp-…`.
 */
export async function seedVolumes(
  places: SeedPlaces,
  seeds: MountNeeds['seeds'],
  signal: AbortSignal,
): Promise<void> {
  for (const { object, path } of seeds) {
    const volume = join(places.volumes, object)
    const source = placeIn(places.rootfs, path)
    if (source === null || readdirSync(volume).length > 0) continue
    await seed(volume, source, join(places.volumes, `.seed-${places.id}-${object}`), signal)
  }
}

async function seed(
  volume: string,
  source: string,
  beside: string,
  signal: AbortSignal,
): Promise<void> {
  const copy = ['--archive', '--no-target-directory', '--']
  const isMount = statSync(volume).dev !== statSync(dirname(volume)).dev
  rmSync(beside, { recursive: true, force: true })
  try {
    await runSound({ tool: 'cp', args: [...copy, source, beside], timeoutMs: seedMs }, signal)
    if (isMount) return await fillMount(beside, volume)
    const sync = ['--file-system', beside]
    await runSound({ tool: 'sync', args: sync, timeoutMs: seedMs }, signal)
    // A folder takes the place of an empty one only: what came meanwhile stays (rename(2)).
    if (readdirSync(volume).length === 0) renameSync(beside, volume)
  } finally {
    rmSync(beside, { recursive: true, force: true })
  }
}

/** By opened folders alone: a container that has the volume already may put links into it now. */
async function fillMount(beside: string, volume: string): Promise<void> {
  const flags = constants.O_DIRECTORY | constants.O_NOFOLLOW
  const from = await openPlace(beside, flags)
  try {
    const into = await openPlace(volume, flags)
    try {
      await merge(from, into)
      await chown(placePath(into), Number(from.stat.uid), Number(from.stat.gid))
      await chmod(placePath(into), Number(from.stat.mode) & 0o7777)
    } finally {
      await into.handle.close()
    }
  } finally {
    await from.handle.close()
  }
}

/** Folder at a path in a tree of files, by its links within that tree; null where there is none. */
export function placeIn(rootfs: string, path: string): string | null {
  let at = ''
  let links = 0
  const parts = path.split('/')
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      at = dirname(`/${at}`).slice(1)
      continue
    }
    const next = at === '' ? part : `${at}/${part}`
    const stat = lstatSync(join(rootfs, next), { throwIfNoEntry: false })
    if (stat === undefined) return null
    if (stat.isSymbolicLink()) {
      links += 1
      if (links > linksMax) return null
      const target = readlinkSync(join(rootfs, next))
      if (target.startsWith('/')) at = ''
      parts.unshift(...target.split('/'))
    } else if (stat.isDirectory()) at = next
    else return null
  }
  const place = join(rootfs, at)
  return at !== '' && existsSync(place) ? place : null
}
