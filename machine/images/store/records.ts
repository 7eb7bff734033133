import { createHash } from 'node:crypto'
import * as z from 'zod'
import { isDigest } from '../../../protocol/names.ts'
import { layersMax } from '../../../reconcilers/images/limits.ts'
import { mappedIdBase } from '../../../reconcilers/images/mapped-ids.ts'
import { referencesMax } from '../limits.ts'

/** One layer of a stored image. */
interface StoredLayer {
  /** Of the layer as a registry stores it. */
  readonly digest: string
  readonly sizeBytes: number
  readonly diffId: string
  /** Folder below `layers/`. */
  readonly name: string
}

/** An image that is whole on this host. Durable before it counts. */
export interface ImageRecord {
  readonly manifest: string
  /** Indexes that a reference to this image may name instead, the outermost first. */
  readonly indexes: readonly string[]
  readonly config: string
  /** The lowest first. */
  readonly layers: readonly StoredLayer[]
  /** `registry/name[:tag]@digest`, as it was asked for or loaded; the newest last. */
  readonly references: readonly string[]
  /** Milliseconds since 1970. */
  readonly createdMs: number
  /** When something last needed it. */
  readonly usedMs: number
  /** True if its layers are there with owners for user namespaces as well. */
  readonly isMapped?: true | undefined
}

/** Facts of an unpacked layer besides its tree. */
export interface LayerInfo {
  readonly diffId: string
  readonly entries: number
  /** Room that its tree takes, about. */
  readonly bytes: number
  /** Folders that hide what lower layers have in them, as bytes in latin1. */
  readonly opaque: readonly string[]
}

const digest: z.ZodType<string> = z.string().refine(isDigest)
const layerName: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/)
const count: z.ZodType<number> = z.int().min(0)

/** Schema of `images/<hex>.json`. */
export const recordSchema: z.ZodType<ImageRecord> = z.object({
  manifest: digest,
  indexes: z.array(digest).max(referencesMax),
  config: digest,
  layers: z
    .array(z.object({ digest, sizeBytes: count, diffId: digest, name: layerName }))
    .min(1)
    .max(layersMax),
  references: z.array(z.string()).max(referencesMax),
  createdMs: count,
  usedMs: count,
  isMapped: z.literal(true).optional(),
})

/** Schema of `info/<hex>.json`. */
export const infoSchema: z.ZodType<LayerInfo> = z.object({
  diffId: digest,
  entries: count,
  bytes: count,
  opaque: z.array(z.string()),
})

/** The digest's 64 hexadecimal digits: what its file is called. */
export function hexOf(digestText: string): string {
  return digestText.slice('sha256:'.length)
}

/** Name of a layer with owners for user namespaces: one range, so one such tree of each. */
export function mappedName(layer: string): string {
  return createHash('sha256').update(`${layer} at ${mappedIdBase}`).digest('hex')
}

/** Names of all layers that must be there for an image, in every form that its record names. */
export function layerNames({ layers, isMapped }: ImageRecord): readonly string[] {
  const names = layers.map(({ name }) => name)
  return isMapped === true ? [...names, ...names.map(mappedName)] : names
}

/** Digests of all blobs of an image, with their sizes where the record has them. */
export function blobsOf(record: ImageRecord): readonly string[] {
  const layers = record.layers.map((layer) => layer.digest)
  return [...record.indexes, record.manifest, record.config, ...layers]
}
