import type { HostContainers } from './host-containers.ts'
import type { HostImages } from './host-images.ts'
import type { HostSecrets } from './host-secrets.ts'

/** One run of an allow-listed binary. No shell, no environment of the caller's. */
export interface Command {
  /** Name of a tool that covey knows, as `wg`; the real ports map it to an absolute path. */
  readonly tool: string
  /** Its arguments, handed over without a shell. */
  readonly args: readonly string[]
  /**
   * Data for stdin; a tool that cannot read a socket there takes a file instead (see `HostFiles`).
   */
  readonly stdin?: string
  /** Wall time, in ms, after which it is killed; 10 000 where absent. */
  readonly timeoutMs?: number
}

/** The result of a command that could be started. */
export interface CommandResult {
  /** Exit status of the process. */
  readonly exitCode: number
  /** All that it wrote to stdout. */
  readonly stdout: string
  /** All that it wrote to stderr. */
  readonly stderr: string
}

/**
 * Runs commands. Rejects with a `CoveyError` (`tool-missing`, `tool-timeout`, `tool-output`) if
 * none came of it.
 */
export type CommandRunner = (command: Command, signal: AbortSignal) => Promise<CommandResult>

/** Files below the agent's own folders. Paths are relative, made from checked names only. */
export interface HostFiles {
  /** Text of a small file below the state folder, or null. */
  read(path: string): Promise<string | null>
  /** Writes durably (temporary file, fsync, rename, fsync of the folder), mode 0600. */
  write(path: string, text: string): Promise<void>
  /** Removes a file below the state folder, if it is there. */
  remove(path: string): Promise<void>
  /** Runs `use` with the absolute path of a 0600 file that holds `text` and is gone afterwards. */
  withTemporary<T>(text: string, use: (absolutePath: string) => Promise<T>): Promise<T>
}

/** Private keys of this host. They never leave it. */
export interface HostKeys {
  /** Public WireGuard keys of this host, base64, the newest first. */
  wireguardPublicKeys(): Promise<readonly string[]>
  /** The private key of one of them, base64, or null. */
  wireguardPrivateKey(publicKey: string): Promise<string | null>
}

/** Time, as the simulator can play it. */
export interface Clock {
  /** Milliseconds since 1970. For ages only; no rule compares it with a document. */
  now(): number
  /** Resolves after `ms`, or at once when `signal` fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The ports of a host for every reconciler, including those of other packages. */
export interface CommonPorts {
  /** Runs tools of the host. */
  readonly run: CommandRunner
  /** Keeps small files for the reconciler. */
  readonly files: HostFiles
  /** Tells the time, and waits. */
  readonly clock: Clock
  /** Numeric addresses of a host name, in the resolver's order; rejects if there is none. */
  resolveName(name: string, signal: AbortSignal): Promise<readonly string[]>
}

/** Everything that covey's own may touch. Real in `machine/`, modelled in tests and simulations. */
export interface HostPorts extends CommonPorts {
  readonly keys: HostKeys
  readonly images: HostImages
  readonly containers: HostContainers
  readonly secrets: HostSecrets
}
