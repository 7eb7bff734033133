import { imageDocumentBytesMax } from '../../../reconcilers/images/limits.ts'
import type { ImageReference } from '../../../reconcilers/images/reference.ts'
import type { Descriptor } from '../formats/manifest.ts'
import type { Registries } from '../registry/types.ts'
import type { Blobs } from '../store/blobs.ts'

/** A manifest or index, its digest proven. */
interface SourcedManifest {
  readonly bytes: Uint8Array
  /** Media type that the source gives; null if none. */
  readonly mediaType: string | null
}

/** Source of the parts of one image. Everything is verified by its digest. */
export interface ImageSource {
  manifest(
    target: { readonly digest: string; readonly sizeBytes?: number },
    signal: AbortSignal,
  ): Promise<SourcedManifest>
  blob(descriptor: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** The registry that a reference names. */
export function registrySource(registries: Registries, reference: ImageReference): ImageSource {
  return {
    manifest: (target, signal) => registries.manifest(reference, target, signal),
    blob: (descriptor, signal) => registries.blob(reference, descriptor, signal),
  }
}

/** Documents that are stored already, and what is not from `next`. */
export function storedFirst(blobs: Blobs, next: ImageSource): ImageSource {
  return {
    async manifest(target, signal) {
      const bytes = await blobs.get(target.digest)
      return bytes === null ? await next.manifest(target, signal) : { bytes, mediaType: null }
    },
    async *blob(descriptor, signal) {
      const isSmall = descriptor.sizeBytes <= imageDocumentBytesMax
      const bytes = isSmall ? await blobs.get(descriptor.digest) : null
      if (bytes?.length === descriptor.sizeBytes) yield bytes
      else yield* next.blob(descriptor, signal)
    },
  }
}
