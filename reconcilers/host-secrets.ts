/** A secret that a container gets as a file. */
export interface SecretFile {
  /** Name of the file in the container's folder: one path component, made by covey. */
  readonly name: string
  /** Name of the `secret` object. */
  readonly secret: string
  readonly jwe: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Set where it holds variables: lines of a shell are written for them (`variableLines`). */
  readonly isVariables?: true
  /** Set where it holds these words of commands: lines are written for them (`wordLines`). */
  readonly words?: readonly string[]
}

/** The way by which commands of health checks get secrets of their container. */
export interface CheckSecrets {
  /** Words before the command: a shell that reads the secrets and becomes it. */
  readonly before: readonly string[]
  /** True where words of the command are secrets themselves: nothing of its output is told. */
  readonly isSilent: boolean
}

/** Secrets of this host: opened with its own key, and written to a tmpfs only. */
export interface HostSecrets {
  /**
   * Opens secrets and writes them to `ContainerFacts.secretsDir`; what else lies there goes.
   * Errors: `secret-…`, each naming the secret and never its content.
   */
  place(containerId: string, secrets: readonly SecretFile[]): Promise<void>
  /** Removes the secrets of a container. */
  remove(containerId: string): Promise<void>
}
