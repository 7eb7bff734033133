import { CoveyError } from '../../../protocol/fault.ts'
import type { Descriptor } from '../../../reconcilers/images/manifest.ts'
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

/** What hears of a load. */
export interface LoadEvents {
  readonly signal: AbortSignal
  readonly onImage: (digest: string, ask: () => PullProgress) => void
}

/**
 * Loads all images of an archive. Each is proven as if it came from a registry, and whole before
 * the next begins. Errors: `archive-invalid`, `archive-incomplete`, those of `pullImage`.
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
    const images = archivedImages(spooled)
    if (images.length === 0) throw new CoveyError('archive-invalid', 'there is no image in it')
    const loaded: LoadedImage[] = []
    for (const { digest, references, made } of images) {
      signal.throwIfAborted()
      if (made !== null && store.blobs.size(digest) === null) {
        await store.blobs.put(digest, made)
        digests.add(digest)
      }
      const source = blobsSource(store.blobs)
      const onProgress = (ask: () => PullProgress): void => events.onImage(digest, ask)
      const record = await pullImage(place, { source, digest, references, signal, onProgress })
      loaded.push({ record, digest, references })
    }
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
  const message = `${digest} has not the ${sizeBytes} bytes that the archive says`
  return new CoveyError('size-mismatch', message)
}
