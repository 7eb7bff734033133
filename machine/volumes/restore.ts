import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { machineCalls } from '../../platform/files/calls.ts'
import { syncFolder } from '../../platform/files/durable-file.ts'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostPlaces } from '../containers/places.ts'
import type { Sandbox } from '../images/unpack/sandbox.ts'
import { createCommandRunner } from '../tools.ts'
import { syncMs } from './limits.ts'
import { type Unpacked, unpackInto } from './unpack.ts'

type Places = Pick<HostPlaces, 'volumes' | 'trash'>

/** Prefixes of names that no object can have: what is unpacked, and what it took the place of. */
const unpacked = '.restored-'
const replaced = '.replaced-'

/** Dependencies of a restore. `alone` does something while no process uses the volume. */
interface RestorePlace {
  readonly places: Places
  readonly sandbox: Sandbox
  readonly alone: (work: () => Promise<void>) => Promise<void>
}

/** Sets right what a restore left that was cut off: the volume has its old content, or the new. */
export function settleVolumes(places: Places): void {
  for (const name of readdirSync(places.volumes)) {
    const path = join(places.volumes, name)
    const volume = join(places.volumes, name.slice(replaced.length))
    if (name.startsWith(replaced) && !existsSync(volume)) renameSync(path, volume)
    else if (name.startsWith(replaced) || name.startsWith(unpacked)) throwAway(places, path)
  }
}

/** Unpacks an archive beside a volume, and puts it in its place if it is whole. */
export async function restoreVolume(
  { places, sandbox, alone }: RestorePlace,
  object: string,
  archive: AsyncIterable<Uint8Array>,
  { sha256, signal }: { readonly sha256: string; readonly signal: AbortSignal },
): Promise<Unpacked> {
  const beside = join(places.volumes, unpacked + object)
  mkdirSync(beside, { mode: 0o700 })
  try {
    const restored = await unpackInto(sandbox, beside, archive, signal)
    if (restored.sha256 !== sha256) {
      throw new CoveyError(
        'volume-checksum',
        `the archive has the checksum ${restored.sha256}, not ${sha256}; the volume is as it was`,
        { hint: 'copy the archive again' },
      )
    }
    await syncAll(beside)
    await alone(async () => {
      swap(places, object, beside)
      // Nothing is told, and nobody writes there, before it outlasts a loss of power.
      await syncFolder(machineCalls, places.volumes)
    })
    return restored
  } finally {
    if (existsSync(beside)) throwAway(places, beside)
  }
}

/** Resolves once all of the file system of a path is on the disk. Throws `storage`. */
async function syncAll(path: string): Promise<void> {
  const run = createCommandRunner()
  const command = { tool: 'sync', args: ['--file-system', path], timeoutMs: syncMs }
  const { exitCode } = await run(command, AbortSignal.timeout(syncMs))
  if (exitCode !== 0) throw new CoveyError('storage', 'the disk does not keep what is written')
}

/** Nothing of this agent comes between the two renames. After a crash `settleVolumes` does. */
function swap(places: Places, object: string, beside: string): void {
  const volume = join(places.volumes, object)
  const old = join(places.volumes, replaced + object)
  renameSync(volume, old)
  try {
    renameSync(beside, volume)
  } catch (error) {
    renameSync(old, volume)
    throw error
  }
  throwAway(places, old)
}

/** A rename, so that it is gone at once; a start of the agent empties what a crash left. */
function throwAway({ trash }: Places, path: string): void {
  mkdirSync(trash, { recursive: true, mode: 0o700 })
  const name = join(trash, randomBytes(8).toString('hex'))
  renameSync(path, name)
  void rm(name, { recursive: true, force: true }).catch(() => undefined)
}
