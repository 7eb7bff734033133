import * as z from 'zod'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { isDigest } from '../../../protocol/names.ts'
import {
  blobBytesMax,
  imageBytesMax,
  imageDocumentBytesMax,
  indexManifestsMax,
  layersMax,
} from '../../../reconcilers/images/limits.ts'
import { firstIssue, type JsonObject, readObject } from './document.ts'
import {
  artifactName,
  bareMediaType,
  type DocumentKind,
  documentKind,
  isGeneric,
  isImageConfig,
  layerRefusal,
} from './media-types.ts'
import type { Platform } from './platform.ts'

/** Descriptor of one part of an image (OCI image-spec descriptor.md). `urls` are never used. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly sizeBytes: number
}

/** One entry of an index: a manifest for a platform, or a further index. */
export interface IndexEntry extends Descriptor {
  readonly kind: DocumentKind
  readonly platform: Platform | null
}

/** Manifests of one image for several platforms. Entries that are not images are left out. */
export interface ImageIndex {
  readonly kind: 'index'
  readonly entries: readonly IndexEntry[]
  /** Entries that could not be judged, and so are passed over. */
  readonly passedOver: number
}

/** One image for one platform; the lowest layer first. */
export interface ImageManifest {
  readonly kind: 'manifest'
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

const digest: z.ZodType<string> = z
  .string('must be sha256: and 64 hex digits')
  .refine(isDigest, 'must be sha256: and 64 hex digits')
const mediaType: z.ZodType<string> = z
  .string('must be a string')
  .max(255, 'is longer than 255 characters')
  .nullish()
  .transform((value) => value ?? '')
const sizeSays = `must be a number of bytes, ${blobBytesMax} at most`
const size: z.ZodType<number> = z.int(sizeSays).min(0, sizeSays).max(blobBytesMax, sizeSays)

interface RawDescriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: unknown
}
const descriptorSchema: z.ZodType<RawDescriptor> = z.object(
  { mediaType, digest, size, platform: z.unknown().optional() },
  'must be an object with digest and size',
)

/** A platform as an entry of an index names it. */
export const platformSchema: z.ZodType<Platform> = z
  .object({
    os: z.string().max(64),
    architecture: z.string().max(64),
    variant: z.string().max(64).nullish(),
  })
  .transform(({ os, architecture, variant }) => ({ os, architecture, variant: variant || null }))

const indexSchema: z.ZodType<{ readonly manifests: readonly unknown[] }> = z.object({
  manifests: z
    .array(z.unknown(), 'must be a list')
    .max(indexManifestsMax, `lists more than ${indexManifestsMax}`),
})

const manifestSchema: z.ZodType<{
  readonly config: RawDescriptor
  readonly layers: readonly RawDescriptor[]
}> = z.object({
  config: descriptorSchema,
  layers: z
    .array(descriptorSchema, 'must be a list')
    .min(1, 'there are no layers')
    .max(layersMax, `there are more than ${layersMax} layers`),
})

/**
 * Parses and judges a manifest or an index whose digest is proven. `contentType` is the registry's
 * word for it, `calledIn` that of the index which names it; null where there is none.
 *
 * Refuses ambiguous documents (CVE-2021-41190): an index with parts of a manifest, a duplicate
 * member, two types for manifests or indexes that contradict each other. A type
 * that says nothing, as `application/octet-stream`, contradicts nothing.
 *
 * Faults: `manifest-invalid`, `manifest-ambiguous`, `manifest-media-type`, `manifest-schema-1`,
 * `manifest-artifact`, `layer-media-type`, `image-size`.
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | null,
  calledIn: string | null = null,
): Checked<ImageIndex | ImageManifest> {
  const read = readObject(bytes, 'manifest-invalid', 'the manifest')
  if (!read.ok) return read
  const kind = kindOf(read.value, contentType, calledIn)
  if (!kind.ok) return kind
  return kind.value === 'index' ? parseIndex(read.value) : parseImage(read.value)
}

function has(document: JsonObject, member: string): boolean {
  return Object.hasOwn(document, member)
}

function kindOf(
  document: JsonObject,
  contentType: string | null,
  calledIn: string | null,
): Checked<DocumentKind> {
  if (document['schemaVersion'] === 1) {
    return bad('manifest-schema-1', 'the manifest is of schema 1, which is no longer in use')
  }
  if (document['schemaVersion'] !== 2) {
    return bad('manifest-invalid', 'the manifest is not valid at schemaVersion: it must be 2')
  }
  // Some builders write an empty one where they mean none.
  const own = document['mediaType'] ?? ''
  if (typeof own !== 'string') {
    return bad('manifest-invalid', 'the manifest is not valid at mediaType: it must be a string')
  }
  if (documentKind(own) === undefined && !isGeneric(own)) return notAnImage(own)
  const isIndex = has(document, 'manifests')
  const isManifest = ['config', 'layers', 'fsLayers', 'history'].some((each) => has(document, each))
  if (isIndex && isManifest) {
    return bad('manifest-ambiguous', 'the manifest has parts of an index and of an image at once')
  }
  const said = contentType ?? ''
  const isTwofold = documentKind(own) !== undefined && documentKind(said) !== undefined
  if (isTwofold && bareMediaType(own) !== bareMediaType(said)) {
    const message = `the manifest calls itself ${own}, but its registry calls it ${said}`
    return bad('manifest-media-type', message.slice(0, 400))
  }
  const shape = isIndex ? 'index' : 'manifest'
  for (const named of [own, said, calledIn ?? '']) {
    if ((documentKind(named) ?? shape) === shape) continue
    const shown = bareMediaType(named)
    return bad(
      'manifest-ambiguous',
      `the manifest is called ${shown}, but does not have that shape`,
    )
  }
  return good(shape)
}

/** Refuses what a registry holds beside images. */
function notAnImage(mediaType: string): Checked<never> {
  const name = artifactName(mediaType)
  const shown = JSON.stringify(mediaType.slice(0, 100))
  const what = name === null ? `not a container image: it is ${shown}` : `${name}, not an image`
  return bad('manifest-artifact', `this is ${what}`)
}

function plain({ mediaType, digest, size }: RawDescriptor): Descriptor {
  return { mediaType, digest, sizeBytes: size }
}

function parseIndex(document: JsonObject): Checked<ImageIndex> {
  const parsed = indexSchema.safeParse(document)
  if (!parsed.success) return firstIssue(parsed.error, 'manifest-invalid', 'the index')
  const entries: IndexEntry[] = []
  let passedOver = 0
  for (const raw of parsed.data.manifests) {
    const entry = entryOf(raw)
    if (entry === 'unknown') passedOver++
    else if (entry !== 'other') entries.push(entry)
  }
  return good({ kind: 'index', entries, passedOver })
}

/**
 * One entry of an index. `other` is an artifact, which may stand beside images and is for others
 * (image-spec image-index.md); `unknown` is what cannot be judged, and must not keep the entries
 * beside it from being used.
 */
function entryOf(raw: unknown): IndexEntry | 'other' | 'unknown' {
  const parsed = descriptorSchema.safeParse(raw)
  if (!parsed.success) return 'unknown'
  const { mediaType: named, platform: about, size: bytes } = parsed.data
  const kind = documentKind(named)
  if (kind === undefined && !isGeneric(named)) return 'other'
  const platform = platformSchema.nullish().safeParse(about)
  if (!platform.success || bytes > imageDocumentBytesMax) return 'unknown'
  // Of what has no type, a platform says that it is an image.
  if (kind === undefined && !platform.data) return 'unknown'
  return { ...plain(parsed.data), kind: kind ?? 'manifest', platform: platform.data ?? null }
}

/** The media type by which a manifest is not that of an image, or null. */
function artifactOf(document: JsonObject): string | null {
  const { config, artifactType } = document
  const named = config !== null && typeof config === 'object' ? Object(config).mediaType : undefined
  if (typeof named === 'string' && !isImageConfig(named)) {
    // The empty config of an artifact says nothing; its own type does (image-spec manifest.md).
    const isEmpty = named === 'application/vnd.oci.empty.v1+json'
    return isEmpty && typeof artifactType === 'string' ? artifactType : named
  }
  return null
}

function parseImage(document: JsonObject): Checked<ImageManifest> {
  const artifact = artifactOf(document)
  if (artifact !== null) return notAnImage(artifact)
  const parsed = manifestSchema.safeParse(document)
  if (!parsed.success) return firstIssue(parsed.error, 'manifest-invalid', 'the manifest')
  const { config, layers } = parsed.data
  if (config.size > imageDocumentBytesMax) {
    return bad('manifest-invalid', 'the manifest is not valid at config.size: it is too large')
  }
  const judged: Descriptor[] = []
  let sumBytes = 0
  for (const [at, layer] of layers.entries()) {
    const refusal = layerRefusal(layer.mediaType)
    if (refusal !== null) {
      return bad('layer-media-type', `layer ${at + 1} of ${layers.length} ${refusal}`)
    }
    sumBytes += layer.size
    judged.push(plain(layer))
  }
  if (sumBytes > imageBytesMax) {
    return bad(
      'image-size',
      `the layers have ${sumBytes} bytes, but at most ${imageBytesMax} are allowed`,
    )
  }
  return good({ kind: 'manifest', config: plain(config), layers: judged })
}
