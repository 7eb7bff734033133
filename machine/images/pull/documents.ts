import { CoveyError, type Fault } from '../../../protocol/fault.ts'
import { imageDocumentBytesMax, indexDepthMax } from '../../../reconcilers/images/limits.ts'
import { type ImageDocument, parseImageConfig } from '../formats/image-config.ts'
import { type Descriptor, type ImageManifest, parseManifest } from '../formats/manifest.ts'
import { checkPlatform, type Platform, rankEntries } from '../formats/platform.ts'
import type { ImageSource } from './source.ts'

/** One document of an image. */
interface ImageBytes {
  readonly digest: string
  readonly bytes: Uint8Array
}

/** The documents of one image for one platform. */
export interface ImageDocuments {
  /** Indexes above the manifest, the outermost first. */
  readonly indexes: readonly ImageBytes[]
  readonly manifest: ImageBytes
  readonly image: ImageManifest
  readonly config: ImageBytes
  readonly document: ImageDocument
}

/** Hint for an image that is invalid by itself. */
export const faultyImageHint: string = 'the image is invalid: build and push it again'

/** A manifest or an index, as something names it. */
interface Named {
  readonly digest: string
  readonly sizeBytes?: number
  /** Media type that the index above gives it. */
  readonly calledIn: string | null
}

/**
 * Goes from the digest in a reference to the image for this machine. Rejects with what the source
 * rejects with, and the faults of `parseManifest`, `parseImageConfig`, `rankEntries` and
 * `checkPlatform`; `index-depth`.
 */
export async function readDocuments(
  source: ImageSource,
  digest: string,
  machine: Platform,
  signal: AbortSignal,
): Promise<ImageDocuments> {
  const indexes: ImageBytes[] = []
  let candidates: readonly Named[] = [{ digest, calledIn: null }]
  for (;;) {
    const { named, bytes, mediaType } = await firstThere(source, candidates, signal)
    const parsed = parseManifest(bytes, mediaType, named.calledIn)
    if (!parsed.ok) throw errorOf(parsed.fault)
    const at = { digest: named.digest, bytes }
    if (parsed.value.kind === 'manifest') {
      const config = await readConfig(source, parsed.value.config, signal)
      const document = parseImageConfig(config.bytes, parsed.value.layers.length)
      if (!document.ok) throw errorOf(document.fault)
      const fits = checkPlatform(document.value.platform, machine)
      if (!fits.ok) throw errorOf(fits.fault)
      return { indexes, manifest: at, image: parsed.value, config, document: document.value }
    }
    indexes.push(at)
    if (indexes.length > indexDepthMax) {
      throw new CoveyError('index-depth', `more than ${indexDepthMax} indexes above one image`)
    }
    const entries = rankEntries(parsed.value, machine)
    if (!entries.ok) throw errorOf(entries.fault)
    candidates = entries.value.map((entry) => ({ ...entry, calledIn: entry.mediaType }))
  }
}

/**
 * The best of several that the source has: an archive may hold the image for one platform only,
 * and its index name a better one. Rejects with what the best one failed with.
 */
async function firstThere(
  source: ImageSource,
  candidates: readonly Named[],
  signal: AbortSignal,
): Promise<{
  readonly named: Named
  readonly bytes: Uint8Array
  readonly mediaType: string | null
}> {
  const errors: CoveyError[] = []
  for (const named of candidates) {
    try {
      return { named, ...(await source.manifest(named, signal)) }
    } catch (error) {
      if (!(error instanceof CoveyError) || error.code !== 'archive-incomplete') throw error
      errors.push(error)
    }
  }
  throw errors[0] ?? new Error('an index was chosen from without entries')
}

async function readConfig(
  source: ImageSource,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<ImageBytes> {
  if (descriptor.sizeBytes > imageDocumentBytesMax) {
    const message = `the image config is larger than ${imageDocumentBytesMax} bytes`
    throw new CoveyError('image-config', message)
  }
  const parts: Uint8Array[] = []
  for await (const part of source.blob(descriptor, signal)) parts.push(part)
  return { digest: descriptor.digest, bytes: Buffer.concat(parts) }
}

/** Hints for faults of an image, by code. */
const hints: Readonly<Record<string, string>> = {
  'image-platform': 'build it for this platform too, or name the digest of one that is',
  'manifest-artifact': 'name the digest of a container image: a registry holds other things too',
  'manifest-media-type': 'push the image again, or check what alters answers on the way',
  'manifest-schema-1': 'push the image again with a current builder',
  'layer-media-type': 'build the image with its layers in it, as tar archives, plain, gzip or zstd',
  'image-size': 'build a smaller image, or several',
}

/** A fault of an image's documents, with what to do about it. */
export function errorOf(fault: Fault): CoveyError {
  return new CoveyError(fault.code, fault.message, { hint: hints[fault.code] ?? faultyImageHint })
}
