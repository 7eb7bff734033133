import type { ImageReference } from '../../../reconcilers/images/reference.ts'
import type { Descriptor } from '../formats/manifest.ts'

/** A manifest or index as a registry served it, its digest proven. */
export interface ManifestBytes {
  readonly bytes: Uint8Array
  /** The answer's Content-Type in lower case without parameters, or null where it had none. */
  readonly mediaType: string | null
}

/** The part of an image to fetch, and its size if known. */
export interface ManifestTarget {
  readonly digest: string
  readonly sizeBytes?: number
}

/**
 * Registries that this host may pull from: authentication, mirrors, proxies, retries and resumption
 * are theirs. Everything rejects with a `RegistryError`, or with the signal's reason.
 */
export interface Registries {
  /**
   * Fetches one manifest or index. Its bytes have that digest (and size, where given); what they
   * mean is judged by `parseManifest`.
   */
  manifest(
    reference: ImageReference,
    target: ManifestTarget,
    signal: AbortSignal,
  ): Promise<ManifestBytes>
  /**
   * Streams one blob: a config or a layer. A broken connection is resumed where it broke, unseen by
   * the reader. Ends normally only once exactly `sizeBytes` bytes with that digest have passed;
   * otherwise the iteration throws (`size-mismatch`, `digest-mismatch`, …), so nothing that was
   * read counts before the end. Leaving the loop early ends the download. Can be iterated once.
   */
  blob(
    reference: ImageReference,
    descriptor: Descriptor,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>
  /** Closes idle connections and ends what is under way. */
  close(): Promise<void>
}
