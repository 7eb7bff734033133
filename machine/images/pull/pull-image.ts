import { CoveyError } from '../../../protocol/fault.ts'
import type { Platform } from '../formats/platform.ts'
import { referencesMax } from '../limits.ts'
import type { ImageRecord } from '../store/records.ts'
import { inWordsOfRoom, type Room } from '../store/room.ts'
import type { Store } from '../store/store.ts'
import { faultyImageHint, type ImageDocuments, readDocuments } from './documents.ts'
import type { Layers } from './layers.ts'
import type { Pins } from './pins.ts'
import { type ImageSource, storedFirst } from './source.ts'
import { type WantedLayer, wantedLayers } from './wanted.ts'

/** Target of a pull. */
export interface PullPlace {
  readonly store: Store
  readonly room: Room
  readonly layers: Layers
  readonly pins: Pins
  readonly machine: Platform
  readonly now: () => number
}

/** Progress of a pull. */
export interface PullProgress {
  readonly layers: number
  readonly layersDone: number
  /** Of the layers as they are downloaded. */
  readonly bytes: number
  readonly bytesDone: number
}

/** One image to be made whole here. */
export interface PullTask {
  readonly source: ImageSource
  readonly digest: string
  /** Canonical references of the image; none for one that is only loaded. */
  readonly references: readonly string[]
  readonly signal: AbortSignal
  /** Hears once how to ask for progress. */
  readonly onProgress?: (ask: () => PullProgress) => void
}

/**
 * Makes an image whole on this host: documents, then all layers at once, each downloaded and
 * unpacked while it arrives; at last all of it durable, and its record. Rejects with a `CoveyError`
 * or the signal's reason; what was whole by then stays for the next attempt.
 */
export async function pullImage(place: PullPlace, task: PullTask): Promise<ImageRecord> {
  const { store, layers, pins } = place
  const source = storedFirst(store.blobs, task.source)
  const documents = await readDocuments(source, task.digest, place.machine, task.signal)
  const wanted = wantedLayers(documents.image.layers, documents.document.diffIds)
  const names = wanted.flatMap((layer) => [layer.ownName, layer.chainName, digestOf(layer)])
  const release = pins.pin(new Set([...smallBlobs(documents).map((each) => each.digest), ...names]))
  const share = place.room.open()
  const failing = new AbortController()
  const signal = AbortSignal.any([task.signal, failing.signal])
  try {
    const done = new Set<WantedLayer>()
    task.onProgress?.(() => progressOf(wanted, done, layers))
    for (const { digest, bytes } of smallBlobs(documents)) {
      if (store.blobs.size(digest) !== null) continue
      await share.take(bytes.length)
      await store.blobs.put(digest, bytes)
    }
    const found = await Promise.all(
      wanted.map(async (layer, index) => {
        const upTo = wanted.slice(0, index + 1)
        const name = await layers.obtain(upTo, source, signal).catch((error) => {
          throw ofLayer(error, upTo.length, wanted.length)
        })
        done.add(layer)
        return name
      }),
    )
    const record = recordOf(place, task, documents, wanted, found)
    await store.addImage(record)
    return record
  } catch (error) {
    // One layer that fails ends the others, unless another image wants them.
    failing.abort(error)
    throw await inWordsOfRoom(error, store.folder)
  } finally {
    share.close()
    release()
  }
}

/** Says of a faulty layer which one it is; a registry's errors say so themselves. */
function ofLayer(error: unknown, layer: number, layers: number): unknown {
  if (!(error instanceof CoveyError) || !/^(layer-|diff-id$|unpack$)/.test(error.code)) return error
  const hint = error.hint ?? faultyImageHint
  const message = `layer ${layer} of ${layers}: ${error.message}`
  return new CoveyError(error.code, message, { hint, cause: error })
}

function digestOf({ descriptor }: WantedLayer): string {
  return descriptor.digest
}

function smallBlobs({ indexes, manifest, config }: ImageDocuments): ImageDocuments['indexes'] {
  return [...indexes, manifest, config]
}

function progressOf(
  wanted: readonly WantedLayer[],
  done: ReadonlySet<WantedLayer>,
  layers: Layers,
): PullProgress {
  const sum = (bytesOf: (layer: WantedLayer) => number): number =>
    wanted.reduce((total, layer) => total + bytesOf(layer), 0)
  return {
    layers: wanted.length,
    layersDone: done.size,
    bytes: sum(({ descriptor }) => descriptor.sizeBytes),
    bytesDone: sum((layer) =>
      done.has(layer) ? layer.descriptor.sizeBytes : layers.bytesOf(layer),
    ),
  }
}

function recordOf(
  place: PullPlace,
  task: PullTask,
  documents: ImageDocuments,
  wanted: readonly WantedLayer[],
  names: readonly string[],
): ImageRecord {
  const before = place.store.find(documents.manifest.digest)
  const indexes = documents.indexes.map(({ digest }) => digest)
  const now = place.now()
  const isSame = before?.layers.every(({ name }, index) => name === names[index]) === true
  return {
    manifest: documents.manifest.digest,
    indexes: [...new Set([...(before?.indexes ?? []), ...indexes])],
    config: documents.config.digest,
    layers: wanted.map(({ descriptor, diffId }, index) => {
      const { digest, sizeBytes } = descriptor
      return { digest, sizeBytes, diffId, name: names[index] ?? '' }
    }),
    references: [...new Set([...(before?.references ?? []), ...task.references])].slice(
      -referencesMax,
    ),
    createdMs: before?.createdMs ?? now,
    usedMs: now,
    ...(isSame && before.isMapped === true ? { isMapped: true } : {}),
  }
}
