import { existsSync, mkdirSync } from 'node:fs'
import { machineCalls } from '../../platform/files/calls.ts'
import { syncFolder } from '../../platform/files/durable-file.ts'
import { CoveyError } from '../../protocol/fault.ts'
import type { Sandbox } from '../images/unpack/sandbox.ts'
import { besideVolume, swapVolume, syncAll, throwAway, type VolumePlaces } from './places.ts'
import { type Unpacked, unpackInto } from './unpack.ts'

/** Dependencies of a restore. `alone` does something while no process uses the volume. */
interface RestorePlace {
  readonly places: VolumePlaces
  readonly sandbox: Sandbox
  readonly alone: (work: () => Promise<void>) => Promise<void>
}

/** Unpacks an archive beside a volume, and puts it in its place if it is whole. */
export async function restoreVolume(
  { places, sandbox, alone }: RestorePlace,
  object: string,
  archive: AsyncIterable<Uint8Array>,
  { sha256, signal }: { readonly sha256: string; readonly signal: AbortSignal },
): Promise<Unpacked> {
  const beside = besideVolume(places, object)
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
      swapVolume(places, object, beside)
      // Nothing is told, and nobody writes there, before it outlasts a loss of power.
      await syncFolder(machineCalls, places.volumes)
    })
    return restored
  } finally {
    if (existsSync(beside)) throwAway(places, beside)
  }
}
