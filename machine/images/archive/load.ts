import { CoveyError } from '../../../protocol/fault.ts'
import type { Descriptor } from '../formats/manifest.ts'
import { type PullPlace, type PullProgress, pullImage } from '../pull/pull-image.ts'
import type { ImageSource } from '../pull/source.ts'
import type { Blobs } from '../store/blobs.ts'
import { blobsOf, type ImageRecord } from '../store/records.ts'
import { inWordsOfRoom } from '../store/room.ts'
import { archivedImages } from './contents.ts'
import { spoolArchive } from './spool.ts'

/** An image that was loaded, and what a config may call it. */
export interface LoadedImage {
  readonly record: ImageRecord
  /** Digest that the archive has it by: of an index or of the manifest. */
  readonly digest: string
  readonly references: readonly string[]
}

/** Receivers of a load's events. */
export interface LoadEvents {
  readonly signal: AbortSignal
  readonly onImage: (digest: string, ask: () => PullProgress) => void
}

/**
 * Loads all images of an archive that are for this host. Each is proven as if it came from a
 * registry, and whole before the next begins. Errors: `archive-invalid`, `archive-incomplete`,
 * those of `pullImage`.
 */
export async function loadArchive(
  place: PullPlace,
  archive: AsyncIterable<Uint8Array>,
  events: LoadEvents,
): Promise<readonly LoadedImage[]> {
  const { store, pins } = place
  const { signal } = events
  const share = place.room.open()
  const digests = new Set<string>()
  // A live set: whatever is spooled is pinned from then on.
  const release = pins.pin(digests)
  try {
    const spooled = await spoolArchive(store, share, archive, digests)
    share.close()
    const images = await archivedImages(spooled, place.machine)
    if (images.length === 0) throw new CoveyError('archive-invalid', 'it contains no image')
    const loaded: LoadedImage[] = []
    const passed: CoveyError[] = []
    for (const { digest, references, made } of images) {
      signal.throwIfAborted()
      if (made !== null && store.blobs.size(digest) === null) {
        await store.blobs.put(digest, made)
        digests.add(digest)
      }
      const source = blobsSource(store.blobs)
      const onProgress = (ask: () => PullProgress): void => events.onImage(digest, ask)
      try {
        const task = { source, digest, references, signal, onProgress }
        loaded.push({ record: await pullImage(place, task), digest, references })
      } catch (error) {
        if (!(error instanceof CoveyError) || !isForOthers(error)) throw error
        passed.push(error)
      }
    }
    // Of several that are all for others the first says why.
    if (loaded.length === 0 && passed[0] !== undefined) throw passed[0]
    return loaded
  } catch (error) {
    throw await inWordsOfRoom(error, store.folder)
  } finally {
    share.close()
    release()
    const kept = new Set(store.images().flatMap(blobsOf))
    for (const digest of digests) {
      if (!kept.has(digest) && !pins.has(digest)) await store.blobs.remove(digest)
    }
  }
}

/**
 * True for errors of entries that an archive may hold beside images for this host: images for
 * other platforms, and artifacts such as signatures and attestations.
 */
function isForOthers({ code }: CoveyError): boolean {
  return code === 'image-platform' || code === 'manifest-artifact'
}

/** Only what is in the store. */
function blobsSource(blobs: Blobs): ImageSource {
  return {
    async manifest({ digest }) {
      const bytes = await blobs.get(digest)
      if (bytes === null) throw missing(digest)
      return { bytes, mediaType: null }
    },
    async *blob(descriptor) {
      if (blobs.size(descriptor.digest) === null) throw missing(descriptor.digest)
      if (blobs.size(descriptor.digest) !== descriptor.sizeBytes) throw wrongSize(descriptor)
      yield* blobs.read(descriptor.digest)
    },
  }
}

function missing(digest: string): CoveyError {
  return new CoveyError('archive-incomplete', `the archive lacks ${digest}, which it names`, {
    hint: 'save the image again, for the platform of this host or with all of them',
  })
}

function wrongSize({ digest, sizeBytes }: Descriptor): CoveyError {
  const message = `${digest} does not have the ${sizeBytes} bytes that the archive says`
  return new CoveyError('size-mismatch', message)
}
