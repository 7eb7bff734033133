import type { ComposeProject } from '../compose/project.ts'
import type { Layout } from './layout.ts'
import type { Lock } from './lock.ts'
import type { StackOptions } from './stack-options.ts'

/** A file that lies beside a Compose file. */
export interface BesideFile {
  /** Below the path that a service mounts, with `/` between its parts; `''` for that itself. */
  readonly path: string
  /** Permission bits. */
  readonly mode: number
  readonly content: Uint8Array
}

/** The entry beside a Compose file at a path that a service mounts. */
export type Beside =
  | {
      readonly kind: 'file' | 'folder'
      /** Permission bits of a folder. */
      readonly mode?: number
      /** Ordered by path. */
      readonly files: readonly BesideFile[]
    }
  /** It cannot be taken along; `reason` completes "it …". */
  | { readonly kind: 'refused'; readonly reason: string }

/** A stack with all that was read for it. */
export interface StackSource {
  /** `''` for the services of the layout itself. */
  readonly name: string
  readonly options: StackOptions
  readonly project: ComposeProject
  /** By the path as the file has it; nothing lies beside the file at any other. */
  readonly beside: ReadonlyMap<string, Beside>
  /** Hosts of services that the layout itself names, by service: `host:` and `hosts:`. */
  readonly hostsOf: ReadonlyMap<string, readonly string[]>
  /** Facts for the lock about variables that were given now. */
  readonly facts?: Readonly<Record<string, string>>
}

/** All that a config is compiled from, and nothing else counts. */
export interface CompileInput {
  readonly layout: Layout
  readonly lock: Lock
  readonly stacks: readonly StackSource[]
}
