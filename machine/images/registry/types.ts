import type { ImageReference } from '../../../reconcilers/images/reference.ts'
import type { Descriptor } from '../formats/manifest.ts'

/** A manifest or index as a registry served it, its digest proven. */
export interface ManifestBytes {
  readonly bytes: Uint8Array
  /** The answer's Content-Type in lower case without parameters, or null where it had none. */
  readonly mediaType: string | null
}

/** A user of a registry. */
export interface Login {
  readonly username: string
  readonly password: string
}

/** Logins that come from elsewhere than `agent.json`. */
export interface Logins {
  /** The login for a registry by its canonical name, or null. */
  of(registry: string): Promise<Login | null>
  /** Hint for a registry that refuses that login, or wants one. */
  hint(registry: string, used: Login | null): string
}

/** The part of an image to fetch, and its size if known. */
export interface ManifestTarget {
  readonly digest: string
  readonly sizeBytes?: number
}

/** An image by its tag. */
export interface TagReference {
  readonly registry: string
  readonly repository: string
  readonly tag: string
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
   * Looks up a tag: the manifest or index that it names now, and its digest. Nothing proves that
   * the registry tells everybody the same.
   */
  tagged(tag: TagReference, signal: AbortSignal): Promise<ManifestBytes & { digest: string }>
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
