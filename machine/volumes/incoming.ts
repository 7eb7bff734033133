import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { machineCalls } from '../../platform/files/calls.ts'
import { syncFolder, takeEffect, writeTemporary } from '../../platform/files/durable-file.ts'
import type { IncomingVolume } from '../../protocol/api/volumes.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import type { Sandbox } from '../images/unpack/sandbox.ts'
import type { VolumeUsers } from './alone.ts'
import { swapVolume, syncAll, throwAway, type VolumePlaces } from './places.ts'
import { type Unpacked, unpackInto } from './unpack.ts'

/** Dependencies of the volumes that come to a host. */
interface IncomingInit extends VolumeUsers {
  readonly places: VolumePlaces
  readonly sandbox: Sandbox
}

/** The durable part of one. With `isWhole` it takes its place, whatever happens. */
interface Note extends IncomingVolume {
  readonly isWhole: boolean
}

const noteSchema: z.ZodType<Note> = z.object({
  id: z.string(),
  from: z.string(),
  sha256: z.string().nullable(),
  isWhole: z.boolean(),
})

const prefix = '.incoming-'
const noteFile = 'move.json'

/**
 * Volumes that come from another host. From the first word of one until its content is in its
 * place nothing on this host can use it, so that no service starts without its data:
 *
 * 1. the note is durable before anything is answered, and closes the volume, also at each start;
 * 2. the content lies beside the volume, and takes its place only once it is noted as whole.
 */
export class Incoming {
  private readonly init: IncomingInit
  private readonly notes = new Map<string, Note>()
  /** Those whose content arrives just now. */
  private readonly busy = new Set<string>()

  constructor(init: IncomingInit) {
    this.init = init
  }

  /** Goes on with what an earlier agent left, and closes those volumes. */
  async settle(): Promise<void> {
    for (const name of readdirSync(this.init.places.volumes)) {
      const object = name.slice(prefix.length)
      if (!name.startsWith(prefix) || !isName(object)) continue
      const note = readNote(join(this.folderOf(object), noteFile))
      // Without a note nothing was answered yet.
      if (note === null) throwAway(this.init.places, this.folderOf(object))
      else if (note.isWhole) await this.takePlace(object)
      else await this.close(object, note)
    }
  }

  look(object: string): IncomingVolume | null {
    const note = this.notes.get(object)
    return note === undefined ? null : { id: note.id, from: note.from, sha256: note.sha256 }
  }

  /**
   * Waits for a volume from another host; nothing where it does already by this id. Throws
   * `volume-busy`, `volume-not-empty`, `volume-mount`, `volume-in-use`.
   */
  async begin(
    object: string,
    {
      id,
      from,
      replace,
    }: { readonly id: string; readonly from: string; readonly replace: boolean },
  ): Promise<void> {
    const known = this.notes.get(object)
    if (known?.id === id) return
    if (known !== undefined) {
      throw new CoveyError(
        'volume-busy',
        `the volume ${object} waits for its data from ${known.from}`,
        {
          hint: 'go on with that move, or call it off: covey volume move … --abort',
        },
      )
    }
    await this.alone(object, async () => {
      await this.expectFree(object, replace)
      const note: Note = { id, from, sha256: null, isWhole: false }
      // Closed before it is noted: other work may have the volume just now.
      await this.close(object, note)
      const folder = this.folderOf(object)
      try {
        // A container with it may have been made before that.
        await this.expectFree(object, replace)
        mkdirSync(join(folder, 'content'), { recursive: true, mode: 0o700 })
        await this.write(object, note)
        await syncFolder(machineCalls, this.init.places.volumes)
      } catch (error) {
        rmSync(folder, { recursive: true, force: true })
        this.notes.delete(object)
        this.init.gate.open(object)
        throw error
      }
    })
  }

  /** Takes content in, in the place of what has come before. Throws as `unpackInto` does. */
  async receive(
    object: string,
    id: string,
    archive: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Unpacked> {
    const note = this.expectOwn(object, id)
    return await this.alone(object, async () => {
      await this.write(object, { ...note, sha256: null })
      const content = join(this.folderOf(object), 'content')
      if (existsSync(content)) throwAway(this.init.places, content)
      mkdirSync(content, { mode: 0o700 })
      const unpacked = await unpackInto(this.init.sandbox, content, archive, signal)
      await syncAll(content)
      await this.write(object, { ...note, sha256: unpacked.sha256 })
      return unpacked
    })
  }

  /** Puts what has come into its place, and lets it be used. Throws `volume-checksum`. */
  async finish(object: string, id: string, sha256: string): Promise<void> {
    const note = this.expectOwn(object, id)
    await this.alone(object, async () => {
      if (note.sha256 !== sha256) {
        throw new CoveyError(
          'volume-checksum',
          `what has come for ${object} is not what was sent`,
          {
            hint: 'run the move again',
          },
        )
      }
      await this.write(object, { ...note, isWhole: true })
      await this.takePlace(object)
    })
  }

  /** Waits no longer, and throws away what has come. Nothing where nothing is awaited. */
  async abort(object: string): Promise<void> {
    if (!this.notes.has(object)) return
    await this.alone(object, async () => {
      throwAway(this.init.places, this.folderOf(object))
      await syncFolder(machineCalls, this.init.places.volumes)
      this.notes.delete(object)
      this.init.gate.open(object)
    })
  }

  private async takePlace(object: string): Promise<void> {
    const { places, gate } = this.init
    const folder = this.folderOf(object)
    const content = join(folder, 'content')
    if (existsSync(content)) {
      swapVolume(places, object, content)
      await syncFolder(machineCalls, places.volumes)
    }
    rmSync(folder, { recursive: true, force: true })
    await syncFolder(machineCalls, places.volumes)
    this.notes.delete(object)
    gate.open(object)
  }

  private async expectFree(object: string, replace: boolean): Promise<void> {
    const { places, containers } = this.init
    const path = join(places.volumes, object)
    const users = (await containers.look()).filter(({ record }) => record?.volumes.includes(object))
    if (users.length > 0) {
      const names = users.map((user) => user.object).join(', ')
      throw new CoveyError(
        'volume-in-use',
        `${names} of this host has a volume ${object} already`,
        {
          hint: 'take it out of the config of this host first',
        },
      )
    }
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return
    if (!found.isDirectory() || statSync(path).dev !== statSync(dirname(path)).dev) {
      throw new CoveyError(
        'volume-mount',
        `the volume ${object} of this host is a mount, or no folder`,
      )
    }
    if (replace || readdirSync(path).length === 0) return
    throw new CoveyError('volume-not-empty', `this host has content in a volume ${object}`, {
      hint: 'if that is old, and may go: --replace',
    })
  }

  private expectOwn(object: string, id: string): Note {
    const note = this.notes.get(object)
    if (note?.id === id) return note
    throw new CoveyError('no-such-move', `this host does not wait for a volume ${object}`, {
      hint: 'run the move again',
    })
  }

  private async alone<T>(object: string, work: () => Promise<T>): Promise<T> {
    if (this.busy.has(object)) {
      throw new CoveyError('volume-busy', `the content of ${object} is arriving already`, {
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

  private async write(object: string, note: Note): Promise<void> {
    const path = join(this.folderOf(object), noteFile)
    await writeTemporary(machineCalls, path, [Buffer.from(`${JSON.stringify(note)}\n`)])
    await takeEffect(machineCalls, path)
    this.notes.set(object, note)
  }

  private async close(object: string, note: Note): Promise<void> {
    const closing = { owner: 'move', reason: `waits for its data from ${note.from}` }
    await this.init.gate.close(object, closing)
    this.notes.set(object, note)
  }

  private folderOf(object: string): string {
    return join(this.init.places.volumes, prefix + object)
  }
}

function readNote(path: string): Note | null {
  try {
    return noteSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return null
  }
}
