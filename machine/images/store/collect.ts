import { blobsOf, type ImageRecord, layerNames } from './records.ts'
import type { Store } from './store.ts'
import type { Uses } from './uses.ts'

/** Images, blobs and layers that must stay. */
export interface Needs {
  /** Digests that adopted configs name, or null before the first config was applied. */
  readonly retained: ReadonlySet<string> | null
  readonly uses: Uses
  /** Layers and blobs of pulls and loads that are under way, at the moment of the question. */
  isPinned(name: string): boolean
}

/** Result of a collection. */
export interface Collected {
  readonly images: readonly ImageRecord[]
  readonly bytes: number
}

/**
 * User of an image, as a word for a table; null if nothing needs it. A
 * layer that a container is mounted on stays by itself: other images may share it.
 */
export function needOf(record: ImageRecord, needs: Needs): 'config' | 'container' | 'pull' | null {
  const names = [record.manifest, ...record.indexes]
  if (names.some((digest) => needs.retained?.has(digest) === true)) return 'config'
  if (names.some((digest) => needs.uses.ofImage(digest))) return 'container'
  return needs.isPinned(record.manifest) ? 'pull' : null
}

/** Images that nothing needs, those first that were not needed for the longest time. */
export function unusedImages(store: Store, needs: Needs): readonly ImageRecord[] {
  if (needs.retained === null) return []
  const unused = store.images().filter((record) => needOf(record, needs) === null)
  return unused.sort((a, b) => a.usedMs - b.usedMs)
}

/**
 * Removes images, and then every layer and blob that no image, container or pull needs. Whether a
 * pull needs something is asked right before it goes.
 */
export async function collect(
  store: Store,
  images: readonly ImageRecord[],
  needs: Needs,
): Promise<Collected> {
  const before = store.bytes()
  for (const { manifest } of images) await store.removeImage(manifest)
  for (const name of await store.trees()) {
    if (isNamed(store, name) || needs.isPinned(name) || needs.uses.ofLayer(name)) continue
    await store.removeLayer(name)
  }
  for (const digest of store.blobs.all()) {
    if (isNamed(store, digest) || needs.isPinned(digest)) continue
    await store.blobs.remove(digest)
  }
  return { images, bytes: Math.max(0, before - store.bytes()) }
}

/** True if an image consists of it. */
function isNamed(store: Store, name: string): boolean {
  return store.images().some((record) => {
    return layerNames(record).includes(name) || blobsOf(record).includes(name)
  })
}
