import { blobsOf, type ImageRecord } from './records.ts'
import type { Store } from './store.ts'
import type { Uses } from './uses.ts'

/** What must stay. */
export interface Needs {
  /** Digests that adopted configs name, or null before the first config was applied. */
  readonly retained: ReadonlySet<string> | null
  readonly uses: Uses
  /** Layers and blobs of pulls and loads that are under way. */
  readonly pinnedLayers: ReadonlySet<string>
  readonly pinnedBlobs: ReadonlySet<string>
}

/** What was removed. */
export interface Collected {
  readonly images: readonly ImageRecord[]
  readonly bytes: number
}

/** Whether an image must stay, and for what, in a word for a table; null if nothing needs it. */
export function needOf(record: ImageRecord, needs: Needs): 'config' | 'container' | 'pull' | null {
  const names = [record.manifest, ...record.indexes]
  if (names.some((digest) => needs.retained?.has(digest) === true)) return 'config'
  const isMounted = record.layers.some(({ name }) => needs.uses.ofLayer(name))
  if (isMounted || names.some((digest) => needs.uses.ofImage(digest))) return 'container'
  const isPulled = record.layers.some(({ name, digest }) => {
    return needs.pinnedLayers.has(name) || needs.pinnedBlobs.has(digest)
  })
  return isPulled ? 'pull' : null
}

/** Images that nothing needs, those first that were not needed for the longest time. */
export function unusedImages(store: Store, needs: Needs): readonly ImageRecord[] {
  if (needs.retained === null) return []
  const unused = store.images().filter((record) => needOf(record, needs) === null)
  return unused.sort((a, b) => a.usedMs - b.usedMs)
}

/**
 * Removes images, and then every layer and blob that no image, container or pull needs. `needs` is
 * asked for again before layers go, because pulls may have begun.
 */
export async function collect(
  store: Store,
  images: readonly ImageRecord[],
  needs: () => Promise<Needs>,
): Promise<Collected> {
  const before = store.bytes()
  for (const { manifest } of images) await store.removeImage(manifest)
  const now = await needs()
  const layers = new Set(store.images().flatMap((each) => each.layers.map(({ name }) => name)))
  const blobs = new Set(store.images().flatMap(blobsOf))
  for (const name of await store.trees()) {
    const isKept = layers.has(name) || now.pinnedLayers.has(name) || now.uses.ofLayer(name)
    if (!isKept) await store.removeLayer(name)
  }
  for (const digest of store.blobs.all()) {
    if (!blobs.has(digest) && !now.pinnedBlobs.has(digest)) await store.blobs.remove(digest)
  }
  return { images, bytes: Math.max(0, before - store.bytes()) }
}
