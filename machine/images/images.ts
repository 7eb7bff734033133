import { join } from 'node:path'
import type { ImageEvent } from '../../protocol/api/events.ts'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostImages } from '../../reconcilers/host-images.ts'
import {
  type ImageReference,
  parseReference,
  referenceText,
} from '../../reconcilers/images/reference.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import type { RegistryLogins } from '../secrets/registry-logins.ts'
import { type LoadEvents, type LoadedImage, loadArchive } from './archive/load.ts'
import { saveArchive } from './archive/save.ts'
import type { Platform } from './formats/platform.ts'
import { createHostImages, type RetainingImages } from './host-images.ts'
import { type ListedImage, listImages } from './list.ts'
import { createJobs, type JobState, type Jobs, type PullEnd, reasonText } from './pull/jobs.ts'
import { createLayers } from './pull/layers.ts'
import { mapImage, mappedKey, plainKey } from './pull/map-image.ts'
import { createPins } from './pull/pins.ts'
import { type PullPlace, pullImage } from './pull/pull-image.ts'
import { registrySource } from './pull/source.ts'
import type { Registries } from './registry/types.ts'
import { type Collected, collect, type Needs, unusedImages } from './store/collect.ts'
import type { ImageRecord } from './store/records.ts'
import { createRoom } from './store/room.ts'
import { openStore, type Store } from './store/store.ts'
import { readUses } from './store/uses.ts'
import { createSandbox } from './unpack/sandbox.ts'
import { createUnpackers, type Unpackers } from './unpack/unpackers.ts'

/** Images of this host: what the reconcilers see of them, and what a person may do with them. */
export interface Images {
  readonly port: HostImages
  list(): Promise<readonly ListedImage[]>
  /** Pulls for a person, at once. Leaving by the signal ends it unless the config wants it too. */
  pull(reference: ImageReference, signal: AbortSignal): Promise<ImageRecord>
  /** State of a pull; null if none is under way and none has failed. */
  progress(reference: ImageReference): JobState | null
  /** An image of the config whose pull failed is tried again at once, as somebody asks for it. */
  hurry(reference: string): void
  /** Removes what no config and no container needs. Error: `not-applied`. */
  prune(): Promise<Collected>
  load(archive: AsyncIterable<Uint8Array>, events: LoadEvents): Promise<readonly LoadedImage[]>
  /** An image as an OCI archive. Errors: `image-absent`, `blob-missing`. */
  save(digest: string): Promise<AsyncGenerator<Uint8Array>>
  /** Ends pulls. */
  close(): Promise<void>
}

/** Dependencies of images. */
export interface ImagesInit {
  readonly stateDir: string
  readonly runDir: string
  readonly registries: Registries
  /** Users of those registries that a config gives; none where absent. */
  readonly logins?: Pick<RegistryLogins, 'used' | 'use'>
  readonly machine: Platform
  readonly budgetBytes: number
  readonly log: Log
  readonly now: () => number
  /** From 0 up to but not including 1; `Math.random` where absent. */
  readonly random?: () => number
  /** A pull ended, well or not: who waits for an image may look again. */
  readonly onChange: (reason: string) => void
  /** Tells who watches the host. Must not throw. */
  readonly onEvent?: (event: ImageEvent) => void
  /** Bytes that are free on the disk of a folder; the disk's own where absent. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** Opens the images of a host, after what an earlier agent left unfinished is set aside. */
export async function openImages(init: ImagesInit): Promise<Images> {
  const { stateDir, runDir, log } = init
  const folder = join(stateDir, 'images')
  const uses = await readUses(stateDir, runDir)
  const store = await openStore({
    folder,
    isUsed: (layer) => uses.ofLayer(layer),
    onDamage: (message) => log.warn({ folder }, message),
  })
  store.swept.catch((error) => log.warn({ err: error }, 'cannot remove leftovers of images'))
  const sandbox = await createSandbox(join(folder, 'sandbox'))
  return new HostImageStore(init, store, sandbox)
}

class HostImageStore implements Images {
  readonly port: RetainingImages
  private readonly init: ImagesInit
  private readonly store: Store
  private readonly place: PullPlace
  private readonly jobs: Jobs
  private readonly unpackers: Unpackers
  /** Loads under way, which a close ends. */
  private readonly ending = new AbortController()
  private collecting: Promise<unknown> = Promise.resolve()

  constructor(
    init: ImagesInit,
    store: Store,
    sandbox: Parameters<typeof createLayers>[0]['sandbox'],
  ) {
    const { now, budgetBytes, machine, freeBytes } = init
    this.init = init
    this.store = store
    const pins = createPins()
    const measure = freeBytes === undefined ? {} : { freeBytes }
    const makeRoom = (): Promise<boolean> => this.makeRoom()
    const room = createRoom({ store, budgetBytes, makeRoom, ...measure })
    this.unpackers = createUnpackers(join(store.folder, 'sandbox'))
    const { unpackers } = this
    const layers = createLayers({ store, room, sandbox, unpackers })
    this.place = { store, room, layers, pins, machine, now }
    this.jobs = createJobs({
      now,
      random: init.random ?? Math.random,
      work: async (text, signal, onProgress) => {
        unpackers.warm()
        this.tell(text, 'pulling', null)
        const plain = plainKey(text)
        const reference = parsed(plain)
        const source = registrySource(init.registries, reference)
        const { digest } = reference
        const task = { source, digest, references: [plain], signal, onProgress }
        const record = await pullImage(this.place, task)
        return plain === text ? record : await mapImage(this.place, sandbox, record, signal)
      },
      onEnd: (reference, end) => this.pullEnded(reference, end),
    })
    const logins = init.logins ?? { used: () => [], use: async () => {} }
    this.port = createHostImages({ store, jobs: this.jobs, now, log: init.log, logins })
  }

  async list(): Promise<readonly ListedImage[]> {
    return listImages(this.store, await this.needs())
  }

  pull(reference: ImageReference, signal: AbortSignal): Promise<ImageRecord> {
    return this.jobs.follow(referenceText(reference), signal)
  }

  progress(reference: ImageReference): JobState | null {
    return this.jobs.state(referenceText(reference))
  }

  hurry(reference: string): void {
    const found = parseReference(reference)
    if (!found.ok) return
    const key = referenceText(found.value)
    for (const each of [key, mappedKey(key)]) this.jobs.hurry(each)
  }

  async prune(): Promise<Collected> {
    const needs = await this.needs()
    if (needs.retained === null) {
      throw new CoveyError('not-applied', 'the agent has not applied its config yet', {
        hint: 'wait until covey status shows it: only then does it know which images are needed',
      })
    }
    return await this.inTurn(() => this.remove(unusedImages(this.store, needs)))
  }

  load(archive: AsyncIterable<Uint8Array>, events: LoadEvents): Promise<readonly LoadedImage[]> {
    const signal = AbortSignal.any([events.signal, this.ending.signal])
    return loadArchive(this.place, archive, { ...events, signal }).then((loaded) => {
      for (const { digest, references } of loaded)
        this.tell(references[0] ?? digest, 'loaded', null)
      this.init.onChange('images were loaded')
      return loaded
    })
  }

  async save(digest: string): Promise<AsyncGenerator<Uint8Array>> {
    const record = this.store.find(digest)
    if (record === null) {
      throw new CoveyError('image-absent', `${digest} is not on this host`, {
        hint: 'covey image list shows the images; covey image pull fetches one',
      })
    }
    return await saveArchive(this.store, record, digest)
  }

  async close(): Promise<void> {
    this.ending.abort(new CoveyError('stopping', 'the agent ends'))
    await this.jobs.close()
    await this.place.layers.idle()
    await this.unpackers.close()
  }

  private async needs(): Promise<Needs> {
    const uses = await readUses(this.init.stateDir, this.init.runDir)
    const isPinned = (name: string): boolean => this.place.pins.has(name)
    return { retained: this.port.retained(), uses, isPinned }
  }

  /** Two collections at once would remove the same things. */
  private inTurn<T>(collection: () => Promise<T>): Promise<T> {
    const turn = this.collecting.then(collection)
    this.collecting = turn.catch(() => undefined)
    return turn
  }

  /** Removes the one image that was not needed for the longest time. */
  private makeRoom(): Promise<boolean> {
    return this.inTurn(async () => {
      const needs = await this.needs()
      const [oldest] = unusedImages(this.store, needs)
      const { bytes } = await this.remove(oldest === undefined ? [] : [oldest])
      // What pulls that failed have left behind counts as well.
      if (oldest === undefined) return bytes > 0
      const name = oldest.references.at(-1) ?? oldest.manifest
      this.init.log.info({ image: name, bytes }, 'removed an unused image to make room')
      return true
    })
  }

  private async remove(images: readonly ImageRecord[]): Promise<Collected> {
    const collected = await collect(this.store, images, await this.needs())
    for (const { references, manifest } of images) {
      this.tell(references.at(-1) ?? manifest, 'removed', null)
    }
    return collected
  }

  private tell(image: string, what: ImageEvent['what'], detail: string | null): void {
    this.init.onEvent?.({ event: 'image', image, what, detail })
  }

  private pullEnded(reference: string, end: PullEnd): void {
    const { log, onChange } = this.init
    if (end === 'pulled') {
      log.info({ image: reference }, 'image pulled')
      this.tell(reference, 'pulled', null)
    } else if (end === 'ended') {
      log.info({ image: reference }, 'stopped a pull that is no longer wanted')
    } else {
      log.warn({ image: reference, err: end.error }, 'image not pulled')
      this.tell(reference, 'failed', reasonText(end.error))
    }
    onChange(`the pull of ${reference} ended`)
  }
}

function parsed(text: string): ImageReference {
  const reference = parseReference(text)
  if (reference.ok) return reference.value
  throw new CoveyError(reference.fault.code, `${text} ${reference.fault.message}`)
}
