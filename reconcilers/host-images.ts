import type { ImageHealth } from './host-containers.ts'

/** The config of an image (OCI image-spec config.md, the members that covey uses). */
export interface ImageConfig {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  /** `NAME=value`, in the image's order. */
  readonly environment: readonly string[]
  readonly workingDir: string
  /** `user`, `user:group`, numbers or names; empty for root. */
  readonly user: string
  /** `SIGTERM`, `15`; null where the image names none. */
  readonly stopSignal: string | null
  /** Paths that the image declares as volumes; each becomes a folder of the container's own. */
  readonly volumes: readonly string[]
  /** Its health check, which Docker's image format has beyond OCI; absent where there is none. */
  readonly healthcheck?: ImageHealth | undefined
}

/** An image that is whole on this host: every digest verified, every layer unpacked. */
export interface ImageReady {
  readonly state: 'ready'
  /**
   * Digest of the manifest for this machine's platform; the reference may name an index above it.
   */
  readonly manifestDigest: string
  /** Absolute paths of unpacked layers, the lowest first; never written to. */
  readonly layers: readonly string[]
  readonly config: ImageConfig
  /** `/etc/passwd` and `/etc/group` as the whole image has them, or null; for users by name. */
  readonly passwd: string | null
  readonly group: string | null
}

/** An image that is pulled, or waits for its turn. */
interface ImagePulling {
  readonly state: 'pulling'
  /** One line for people, as `layer 2 of 5, 31 of 70 MB`. */
  readonly progress: string
  /** Reason why the previous attempt failed; null for the first. */
  readonly failure: string | null
}

/** The state of an image on this host. */
export type ImageState =
  | ImageReady
  | { readonly state: 'absent' }
  | ImagePulling
  /** Not tried again before `retryAtMs` (milliseconds since 1970). */
  | { readonly state: 'failed'; readonly reason: string; readonly retryAtMs: number }

/** A user of a registry, its password sealed to this host. */
export interface RegistryLogin {
  /** Name of the `registry` object. */
  readonly object: string
  /** Canonical name of the registry. */
  readonly server: string
  readonly username: string
  /** Name of the `secret` object. */
  readonly secret: string
  readonly jwe: string
}

/** Images of this host. References are those of `runc_container`, always with a digest. */
export interface HostImages {
  /** The state of each image. Reads only the store, never the network. */
  look(references: readonly string[]): Promise<ReadonlyMap<string, ImageState>>
  /**
   * Begins to pull, beside everything else, and returns at once; does nothing while that image is
   * pulled or was tried too recently. Whoever made the port is told of progress and end.
   */
  pull(reference: string): void
  /** As `look`, at the image with the owners that it has in user namespaces. */
  lookMapped(references: readonly string[]): Promise<ReadonlyMap<string, ImageState>>
  /** As `pull`; of an image that is whole it asks no registry. */
  pullMapped(reference: string): void
  /** Users of registries that pulls use now: those of the last `useLogins`. */
  logins(): readonly RegistryLogin[]
  /**
   * Uses these users from now on, in place of those before; what `agent.json` says of a registry
   * wins. Rejects with `secret-…` where a password cannot be opened, and changes nothing then.
   */
  useLogins(logins: readonly RegistryLogin[]): Promise<void>
  /** Sets the images that must not be collected as garbage: those that the adopted configs name. */
  retain(references: readonly string[]): void
}
