import { CoveyError, type Fault } from '../../../protocol/fault.ts'
import { type ImageDocument, parseImageConfig } from '../../../reconcilers/images/image-config.ts'
import { imageDocumentBytesMax, indexDepthMax } from '../../../reconcilers/images/limits.ts'
import {
  type Descriptor,
  type ImageManifest,
  parseManifest,
} from '../../../reconcilers/images/manifest.ts'
import { checkPlatform, chooseEntry, type Platform } from '../../../reconcilers/images/platform.ts'
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

/** What to do about an image that is wrong by itself. */
export const faultyImageHint: string = 'the image is faulty: build and push it anew'

/**
 * Goes from the digest in a reference to the image for this machine. Rejects with what the source
 * rejects with, and the faults of `parseManifest`, `parseImageConfig`, `chooseEntry` and
 * `checkPlatform`; `index-depth`.
 */
export async function readDocuments(
  source: ImageSource,
  digest: string,
  machine: Platform,
  signal: AbortSignal,
): Promise<ImageDocuments> {
  const indexes: ImageBytes[] = []
  let target: { readonly digest: string; readonly sizeBytes?: number } = { digest }
  let calledIn: string | null = null
  for (;;) {
    const { bytes, mediaType } = await source.manifest(target, signal)
    const parsed = parseManifest(bytes, mediaType ?? calledIn)
    if (!parsed.ok) throw errorOf(parsed.fault)
    const at = { digest: target.digest, bytes }
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
    const entry = chooseEntry(parsed.value, machine)
    if (!entry.ok) throw errorOf(entry.fault)
    target = { digest: entry.value.digest, sizeBytes: entry.value.sizeBytes }
    calledIn = entry.value.mediaType
  }
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

function errorOf(fault: Fault): CoveyError {
  const hint =
    fault.code === 'image-platform'
      ? 'build it for this platform too, or name the digest of one that is'
      : faultyImageHint
  return new CoveyError(fault.code, fault.message, { hint })
}
