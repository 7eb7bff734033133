import * as z from 'zod'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import { isDigest } from '../../protocol/names.ts'
import { firstIssue, type JsonObject, readObject } from './document.ts'
import {
  blobBytesMax,
  imageBytesMax,
  imageDocumentBytesMax,
  indexManifestsMax,
  layersMax,
} from './limits.ts'
import {
  type Compression,
  type DocumentKind,
  documentKind,
  isImageConfig,
  layerCompression,
} from './media-types.ts'
import type { Platform } from './platform.ts'

/** What names one piece of an image (OCI image-spec descriptor.md). `urls` are never looked at. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly sizeBytes: number
}

/** A layer: a tar stream, packed or not. */
interface LayerDescriptor extends Descriptor {
  readonly compression: Compression
}

/** One entry of an index: a manifest for a platform, or a further index. */
export interface IndexEntry extends Descriptor {
  readonly kind: DocumentKind
  readonly platform: Platform | null
}

/** Manifests of one image for several platforms. Entries that are no images are left out. */
export interface ImageIndex {
  readonly kind: 'index'
  readonly entries: readonly IndexEntry[]
}

/** One image for one platform; the lowest layer first. */
export interface ImageManifest {
  readonly kind: 'manifest'
  readonly config: Descriptor
  readonly layers: readonly LayerDescriptor[]
}

const digest: z.ZodType<string> = z.string().refine(isDigest, 'must be sha256: and 64 hex digits')
const mediaType: z.ZodType<string> = z.string().min(1).max(255)
const size: z.ZodType<number> = z.int().min(0).max(blobBytesMax)

interface RawDescriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: unknown
}
const descriptorSchema: z.ZodType<RawDescriptor> = z.object({
  mediaType,
  digest,
  size,
  platform: z.unknown().optional(),
})

const platformSchema: z.ZodType<Platform> = z
  .object({
    os: z.string().max(64),
    architecture: z.string().max(64),
    variant: z.string().max(64).nullish(),
  })
  .transform(({ os, architecture, variant }) => ({ os, architecture, variant: variant || null }))

const indexSchema: z.ZodType<{ readonly manifests: readonly RawDescriptor[] }> = z.object({
  manifests: z
    .array(descriptorSchema)
    .max(indexManifestsMax, `lists more than ${indexManifestsMax}`),
})

const manifestSchema: z.ZodType<{
  readonly config: RawDescriptor
  readonly layers: readonly RawDescriptor[]
}> = z.object({
  config: descriptorSchema,
  layers: z
    .array(descriptorSchema)
    .min(1, 'there are no layers')
    .max(layersMax, `there are more than ${layersMax} layers`),
})

/**
 * Parses and judges a manifest or an index whose digest is proven. `contentType` is the registry's
 * word for it without parameters, or null where none is known, as in an archive.
 *
 * What could be read as two things is refused (CVE-2021-41190): an index with parts of a manifest,
 * a `mediaType` that is not the Content-Type, a member that stands twice.
 *
 * Faults: `manifest-invalid`, `manifest-ambiguous`, `manifest-media-type`, `manifest-schema-1`,
 * `manifest-artifact`, `layer-media-type`, `image-size`.
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | null,
): Checked<ImageIndex | ImageManifest> {
  const read = readObject(bytes, 'manifest-invalid', 'the manifest')
  if (!read.ok) return read
  const kind = kindOf(read.value, contentType)
  if (!kind.ok) return kind
  return kind.value === 'index' ? parseIndex(read.value) : parseImage(read.value)
}

function has(document: JsonObject, member: string): boolean {
  return Object.hasOwn(document, member)
}

function kindOf(document: JsonObject, contentType: string | null): Checked<DocumentKind> {
  if (document['schemaVersion'] === 1) {
    const message = 'the manifest is of schema 1, which is no longer in use: push the image anew'
    return bad('manifest-schema-1', message)
  }
  if (document['schemaVersion'] !== 2) {
    return bad('manifest-invalid', 'the manifest is not valid at schemaVersion: it must be 2')
  }
  // Some builders write an empty one where they mean none.
  const own = document['mediaType'] === '' ? undefined : (document['mediaType'] ?? undefined)
  if (own !== undefined && typeof own !== 'string') {
    return bad('manifest-invalid', 'the manifest is not valid at mediaType: it must be a text')
  }
  for (const named of [own, contentType ?? undefined]) {
    if (named === undefined || documentKind(named) !== undefined) continue
    const shown = JSON.stringify(named.slice(0, 100))
    return bad('manifest-media-type', `${shown} is no media type of an image's manifest or index`)
  }
  if (own !== undefined && contentType !== null && own !== contentType) {
    const message = `the manifest calls itself ${own}, and its registry calls it ${contentType}`
    return bad('manifest-media-type', message)
  }
  const isIndex = has(document, 'manifests')
  const isManifest = ['config', 'layers', 'fsLayers', 'history'].some((each) => has(document, each))
  if (isIndex && isManifest) {
    return bad('manifest-ambiguous', 'the manifest has parts of an index and of an image at once')
  }
  const shape = isIndex ? 'index' : 'manifest'
  const named = own ?? contentType
  if (named !== null && documentKind(named) !== shape) {
    return bad('manifest-ambiguous', `the manifest is called ${named}, and has not that shape`)
  }
  return good(shape)
}

function plain({ mediaType, digest, size }: RawDescriptor): Descriptor {
  return { mediaType, digest, sizeBytes: size }
}

function parseIndex(document: JsonObject): Checked<ImageIndex> {
  const parsed = indexSchema.safeParse(document)
  if (!parsed.success) return firstIssue(parsed.error, 'manifest-invalid', 'the index')
  const entries: IndexEntry[] = []
  for (const [at, raw] of parsed.data.manifests.entries()) {
    const kind = documentKind(raw.mediaType)
    // Other artifacts may stand beside images; they are for others (image-spec image-index.md).
    if (kind === undefined) continue
    if (raw.size > imageDocumentBytesMax) {
      const message = `the index is not valid at manifests.${at}.size: it is too large`
      return bad('manifest-invalid', message)
    }
    const absent = raw.platform === undefined || raw.platform === null
    const platform = absent ? null : platformSchema.safeParse(raw.platform)
    if (platform?.success === false) {
      return firstIssue(platform.error, 'manifest-invalid', `the platform of manifests.${at}`)
    }
    entries.push({ ...plain(raw), kind, platform: platform?.data ?? null })
  }
  return good({ kind: 'index', entries })
}

function parseImage(document: JsonObject): Checked<ImageManifest> {
  const parsed = manifestSchema.safeParse(document)
  if (!parsed.success) return firstIssue(parsed.error, 'manifest-invalid', 'the manifest')
  const { config, layers } = parsed.data
  if (!isImageConfig(config.mediaType)) {
    const shown = JSON.stringify(config.mediaType.slice(0, 100))
    return bad('manifest-artifact', `this is no container image: its config is ${shown}`)
  }
  if (config.size > imageDocumentBytesMax) {
    return bad('manifest-invalid', 'the manifest is not valid at config.size: it is too large')
  }
  const judged: LayerDescriptor[] = []
  let sumBytes = 0
  for (const [at, layer] of layers.entries()) {
    const packing = layerCompression(layer.mediaType)
    if ('refusal' in packing) {
      return bad('layer-media-type', `layer ${at + 1} of ${layers.length} ${packing.refusal}`)
    }
    sumBytes += layer.size
    judged.push({ ...plain(layer), compression: packing.compression })
  }
  if (sumBytes > imageBytesMax) {
    return bad('image-size', `the layers have ${sumBytes} bytes, and ${imageBytesMax} are allowed`)
  }
  return good({ kind: 'manifest', config: plain(config), layers: judged })
}
