import { lstatSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { VolumeRow } from '../../protocol/api/volumes.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import { createSandbox, type Sandbox } from '../images/unpack/sandbox.ts'
import { aloneWith, type VolumeUsers } from './alone.ts'
import { packFolder, type VolumeArchive } from './archive.ts'
import { Incoming } from './incoming.ts'
import { settleVolumes, throwAway, type VolumePlaces } from './places.ts'
import { restoreVolume } from './restore.ts'
import { sizeOf } from './size.ts'
import { Spool } from './spool.ts'
import type { Unpacked } from './unpack.ts'

/** Dependencies of the volumes of a host. */
export interface VolumesInit extends VolumeUsers {
  readonly stateDir: string
  readonly places: VolumePlaces
}

/** A backup that is asked for. */
export interface SaveOrder {
  /**
   * Of the containers that use the volume: `stop` them and start them again, `refuse` where one
   * runs, or save what is there while they go on (`live`).
   */
  readonly users: 'stop' | 'refuse' | 'live'
  /** Fires when nobody waits for the end any more. */
  readonly signal: AbortSignal
}

/** A restore that is asked for. */
export interface RestoreOrder {
  /** True if what the volume holds may go. */
  readonly replace: boolean
  /** True if containers that use it are stopped for that. */
  readonly stop: boolean
  /** SHA-256 of the archive, in hexadecimal digits. */
  readonly sha256: string
  readonly signal: AbortSignal
}

/** Volumes of this host for a person: looking, saving, putting back. */
export interface Volumes {
  /** Archives that are kept for a while on the host. */
  readonly spool: Spool
  /** Volumes that come from other hosts. */
  readonly incoming: Incoming
  list(): Promise<readonly VolumeRow[]>
  /**
   * Hands a tar archive, packed with zstd, to what takes it. Throws `no-such-volume`,
   * `volume-busy`, `volume-in-use`, `still-running`; its source as `packFolder`.
   */
  save<T>(
    object: string,
    order: SaveOrder,
    take: (archive: VolumeArchive) => Promise<T>,
  ): Promise<T>
  /**
   * Puts an archive in the place of what is there. The content changes at once, and only if all of
   * the archive is sound. Throws as `save`, `volume-not-empty`, `volume-mount`, `volume-archive`,
   * `volume-checksum`, `disk-full`.
   */
  restore(
    object: string,
    archive: AsyncIterable<Uint8Array>,
    order: RestoreOrder,
  ): Promise<Unpacked>
  /** Removes a volume that is no container's, not even a stopped one's. Throws as `save`. */
  remove(object: string): Promise<void>
}

/** Opens the volumes, after a restore that an earlier agent left unfinished is set right. */
export async function openVolumes(init: VolumesInit): Promise<Volumes> {
  settleVolumes(init.places)
  const sandbox = await createSandbox(join(init.stateDir, 'volume-sandbox'))
  const incoming = new Incoming({ ...init, sandbox })
  await incoming.settle()
  const spool = new Spool(join(init.stateDir, 'volume-archives'))
  return new HostVolumes(init, sandbox, { spool, incoming })
}

class HostVolumes implements Volumes {
  readonly spool: Spool
  readonly incoming: Incoming
  private readonly init: VolumesInit
  private readonly sandbox: Sandbox
  /** Volumes that are saved or put back just now. */
  private readonly busy = new Set<string>()

  constructor(
    init: VolumesInit,
    sandbox: Sandbox,
    { spool, incoming }: Pick<Volumes, 'spool' | 'incoming'>,
  ) {
    this.init = init
    this.sandbox = sandbox
    this.spool = spool
    this.incoming = incoming
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
        bytes: await sizeOf(this.sandbox, path),
        free_bytes: bavail * bsize,
        used_by: [...new Set(users.map(({ object }) => object))].sort(),
      })
    }
    return rows
  }

  async save<T>(
    object: string,
    { users, signal }: SaveOrder,
    take: (archive: VolumeArchive) => Promise<T>,
  ): Promise<T> {
    const target = this.expectVolume(object)
    const pack = async (): Promise<T> => {
      const archive = packFolder(this.sandbox, target, users === 'live')
      try {
        return await take(archive)
      } finally {
        archive.close()
      }
    }
    return await this.reserved(object, async () => {
      if (users === 'live') return await pack()
      const closing = { owner: 'backup', reason: 'is being saved' }
      const order = { stop: users === 'stop', closing, signal }
      return await aloneWith(this.init, object, order, pack)
    })
  }

  async restore(
    object: string,
    archive: AsyncIterable<Uint8Array>,
    { replace, stop, sha256, signal }: RestoreOrder,
  ): Promise<Unpacked> {
    const path = this.expectVolume(object)
    if (statSync(path).dev !== statSync(dirname(path)).dev) {
      throw new CoveyError('volume-mount', `the volume ${object} is a mount of its own`, {
        hint: 'unpack the archive there by hand: tar --xattrs --acls --numeric-owner -x',
      })
    }
    if (!replace && readdirSync(path).length > 0) {
      throw new CoveyError('volume-not-empty', `the volume ${object} is not empty`, {
        hint: '--replace puts the archive in the place of all that it holds',
      })
    }
    const { places } = this.init
    const closing = { owner: 'restore', reason: 'is being put back' }
    const alone = (work: () => Promise<void>): Promise<void> =>
      aloneWith(this.init, object, { stop, closing, signal }, work)
    return await this.reserved(object, async () => {
      // What would be refused in the end is refused before anything is unpacked.
      if (!stop) await alone(async () => undefined)
      const place = { places, sandbox: this.sandbox, alone }
      return await restoreVolume(place, object, archive, { sha256, signal })
    })
  }

  async remove(object: string): Promise<void> {
    const path = this.expectVolume(object)
    const users = (await this.init.containers.look()).filter(({ record }) => {
      return record === null || record.volumes.includes(object)
    })
    if (users.length > 0) {
      const names = users.map((user) => user.object).join(', ')
      throw new CoveyError('volume-in-use', `the volume ${object} is that of ${names}`, {
        hint: 'take them out of the config first',
      })
    }
    const closing = { owner: 'remove', reason: 'is being removed' }
    const order = { stop: false, closing, signal: new AbortController().signal }
    await this.reserved(object, () =>
      aloneWith(this.init, object, order, async () => throwAway(this.init.places, path)),
    )
  }

  private expectVolume(object: string): string {
    const path = join(this.init.places.volumes, object)
    const found = isName(object) ? lstatSync(path, { throwIfNoEntry: false }) : undefined
    if (found?.isDirectory()) return path
    throw new CoveyError('no-such-volume', `this host has no volume ${JSON.stringify(object)}`, {
      hint: 'covey volume list shows what it has',
    })
  }

  private async reserved<T>(object: string, work: () => Promise<T>): Promise<T> {
    if (this.busy.has(object)) {
      throw new CoveyError('volume-busy', `the volume ${object} is being saved or put back`, {
        hint: 'wait until that has ended',
      })
    }
    this.busy.add(object)
    try {
      return await work()
    } finally {
      this.busy.delete(object)
    }
  }
}
