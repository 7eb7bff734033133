import { type Needs, needOf } from './store/collect.ts'
import type { ImageRecord } from './store/records.ts'
import type { Store } from './store/store.ts'

/** One image as `covey image list` shows it. */
export interface ListedImage {
  /** References by which a config may name it; the digest alone decides. */
  readonly references: readonly string[]
  /** Digest of the manifest. */
  readonly digest: string
  /** Indexes that stand for it as well. */
  readonly indexes: readonly string[]
  readonly layers: number
  /** As a registry stores it, and as it lies unpacked (about); layers are shared between images. */
  readonly packed_bytes: number
  readonly unpacked_bytes: number
  /** Names of container objects, `config` for one that only the config names; empty for unused. */
  readonly used_by: readonly string[]
  readonly created_at: string
  readonly used_at: string
}

/** All images of the store, ordered by their first reference. */
export function listImages(store: Store, needs: Needs): readonly ListedImage[] {
  const rows = store.images().map((record) => rowOf(store, needs, record))
  return rows.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

function nameOf({ references, digest }: ListedImage): string {
  return references[0] ?? `~${digest}`
}

function rowOf(store: Store, needs: Needs, record: ImageRecord): ListedImage {
  const containers = needs.uses.containersOf([record.manifest, ...record.indexes])
  const need = needOf(record, needs)
  const rest = need === null ? [] : [need]
  return {
    references: record.references,
    digest: record.manifest,
    indexes: record.indexes,
    layers: record.layers.length,
    packed_bytes: record.layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    unpacked_bytes: record.layers.reduce(
      (sum, { name }) => sum + (store.layer(name)?.bytes ?? 0),
      0,
    ),
    used_by: containers.length > 0 ? containers : rest,
    created_at: new Date(record.createdMs).toISOString(),
    used_at: new Date(record.usedMs).toISOString(),
  }
}
