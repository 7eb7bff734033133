import { CoveyError } from '../../../../protocol/fault.ts'
import { imageDocumentBytesMax } from '../../../../reconcilers/images/limits.ts'
import { parseImageConfig } from '../../formats/image-config.ts'
import { type ImageManifest, parseManifest } from '../../formats/manifest.ts'
import { normalized, platformText } from '../../formats/platform.ts'
import type { Registries, TagReference } from '../types.ts'

/** The image that a tag names. */
export interface TaggedImage {
  readonly digest: string
  /** `linux/amd64`, `linux/arm64/v8`; sorted. Empty where nothing names one. */
  readonly platforms: readonly string[]
}

/**
 * Looks up the digest of a tag, and the platforms that it has images for. Rejects with a
 * `RegistryError`, with the faults of `parseManifest` as a `CoveyError`, or the signal's reason.
 */
export async function lookUpTag(
  registries: Registries,
  tag: TagReference,
  signal: AbortSignal,
): Promise<TaggedImage> {
  const { bytes, mediaType, digest } = await registries.tagged(tag, signal)
  const parsed = parseManifest(bytes, mediaType)
  if (!parsed.ok) throw new CoveyError(parsed.fault.code, parsed.fault.message)
  const found =
    parsed.value.kind === 'manifest'
      ? await platformOf(registries, tag, digest, parsed.value, signal)
      : parsed.value.entries.flatMap(({ platform }) => (platform === null ? [] : [platform]))
  const texts = found
    .filter(({ os, architecture }) => os !== 'unknown' && architecture !== '')
    .map((platform) => platformText(normalized(platform)))
  const platforms = [...new Set(texts)].filter((text) => /^[a-z0-9./_-]+$/.test(text)).sort()
  return { digest, platforms }
}

type Found = Parameters<typeof normalized>[0]

/** The platform that the config of a single image names. */
async function platformOf(
  registries: Registries,
  tag: TagReference,
  digest: string,
  { config, layers }: ImageManifest,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  if (config.sizeBytes > imageDocumentBytesMax) {
    const message = `its config has more than ${imageDocumentBytesMax} bytes`
    throw new CoveyError('image-size', message)
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of registries.blob({ ...tag, digest }, config, signal)) chunks.push(chunk)
  const document = parseImageConfig(Buffer.concat(chunks), layers.length)
  if (!document.ok) throw new CoveyError(document.fault.code, document.fault.message)
  return [document.value.platform]
}
