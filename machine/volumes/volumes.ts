import { lstatSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { VolumeRow } from '../../protocol/api/volumes.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import type { HostPlaces } from '../containers/places.ts'
import { createSandbox, type Sandbox } from '../images/unpack/sandbox.ts'
import { aloneWith, expectUnused, type VolumeUsers } from './alone.ts'
import { packFolder, type VolumeArchive } from './archive.ts'
import { sizeMsMax } from './limits.ts'
import { type Restored, restoreVolume, settleVolumes } from './restore.ts'

/** Dependencies of the volumes of a host. */
export interface VolumesInit extends VolumeUsers {
  readonly stateDir: string
  readonly places: Pick<HostPlaces, 'volumes' | 'trash'>
}

/** A restore that is asked for. */
interface RestoreOrder {
  /** True if what the volume holds may go. */
  readonly replace: boolean
  /** SHA-256 of the archive, in hexadecimal digits. */
  readonly sha256: string
}

/** Volumes of this host for a person: looking, saving, putting back. */
export interface Volumes {
  list(): Promise<readonly VolumeRow[]>
  /**
   * Begins a tar archive, packed with zstd. Throws `no-such-volume`, `volume-busy`, `volume-in-use`
   * while containers run that use it, unless it may be `live`.
   */
  backup(object: string, live: boolean): Promise<VolumeArchive>
  /**
   * Puts an archive in the place of what is there. The content changes at once, and only if all of
   * the archive is sound. Throws as `backup`, `volume-not-empty`, `volume-mount`, `volume-archive`,
   * `volume-checksum`, `disk-full`.
   */
  restore(
    object: string,
    archive: AsyncIterable<Uint8Array>,
    order: RestoreOrder,
  ): Promise<Restored>
}

/** Opens the volumes, after a restore that an earlier agent left unfinished is set right. */
export async function openVolumes(init: VolumesInit): Promise<Volumes> {
  settleVolumes(init.places)
  const sandbox = await createSandbox(join(init.stateDir, 'volume-sandbox'))
  return new HostVolumes(init, sandbox)
}

class HostVolumes implements Volumes {
  private readonly init: VolumesInit
  private readonly sandbox: Sandbox
  /** Volumes that are saved or put back just now. */
  private readonly busy = new Set<string>()

  constructor(init: VolumesInit, sandbox: Sandbox) {
    this.init = init
    this.sandbox = sandbox
  }

  async list(): Promise<readonly VolumeRow[]> {
    const { volumes } = this.init.places
    const all = await this.init.containers.look()
    const rows: VolumeRow[] = []
    for (const name of readdirSync(volumes).filter(isName).sort()) {
      const path = join(volumes, name)
      if (!lstatSync(path).isDirectory()) continue
      const users = all.filter(({ record }) => record?.volumes.includes(name))
      const { bavail, bsize } = statfsSync(path)
      rows.push({
        name,
        bytes: await this.sizeOf(path),
        free_bytes: bavail * bsize,
        used_by: [...new Set(users.map(({ object }) => object))].sort(),
      })
    }
    return rows
  }

  async backup(object: string, live: boolean): Promise<VolumeArchive> {
    const target = this.expectVolume(object)
    const release = this.reserve(object)
    try {
      if (!live) await expectUnused(this.init.containers, object)
    } catch (error) {
      release()
      throw error
    }
    const archive = packFolder(this.sandbox, target, live)
    return {
      ...archive,
      close() {
        archive.close()
        release()
      },
    }
  }

  async restore(
    object: string,
    archive: AsyncIterable<Uint8Array>,
    order: RestoreOrder,
  ): Promise<Restored> {
    const path = this.expectVolume(object)
    if (statSync(path).dev !== statSync(dirname(path)).dev) {
      throw new CoveyError('volume-mount', `the volume ${object} is a mount of its own`, {
        hint: 'unpack the archive there by hand: tar --xattrs --acls --numeric-owner -x',
      })
    }
    if (!order.replace && readdirSync(path).length > 0) {
      throw new CoveyError('volume-not-empty', `the volume ${object} is not empty`, {
        hint: '--replace puts the archive in the place of all that it holds',
      })
    }
    const release = this.reserve(object)
    try {
      const { places, containers } = this.init
      await expectUnused(containers, object)
      const closing = { owner: 'restore', reason: 'is being put back' }
      const alone = (work: () => Promise<void>): Promise<void> =>
        aloneWith(this.init, object, closing, work)
      return await restoreVolume({ places, sandbox: this.sandbox, alone }, object, archive, order)
    } finally {
      release()
    }
  }

  private expectVolume(object: string): string {
    const path = join(this.init.places.volumes, object)
    const found = isName(object) ? lstatSync(path, { throwIfNoEntry: false }) : undefined
    if (found?.isDirectory()) return path
    throw new CoveyError('no-such-volume', `this host has no volume ${JSON.stringify(object)}`, {
      hint: 'covey volume list shows what it has',
    })
  }

  private reserve(object: string): () => void {
    if (this.busy.has(object)) {
      throw new CoveyError('volume-busy', `the volume ${object} is being saved or put back`, {
        hint: 'wait until that has ended',
      })
    }
    this.busy.add(object)
    return () => void this.busy.delete(object)
  }

  private async sizeOf(target: string): Promise<number | null> {
    const child = this.sandbox.start({
      ...{ target, access: 'read', mayMarkOverlay: false },
      command: ['du', '--summarize', '--block-size=1', '--one-file-system', '/target'],
    })
    const timer = setTimeout(() => child.kill(), sizeMsMax)
    try {
      child.process.stdin.end()
      let text = ''
      for await (const chunk of child.process.stdout) text += String(chunk)
      await child.ended
      return Number.parseInt(text, 10)
    } catch {
      // A file that went away meanwhile counts as a failure too.
      return null
    } finally {
      clearTimeout(timer)
    }
  }
}
