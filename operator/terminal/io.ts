import type { FileCalls } from '../../platform/files/calls.ts'

/** A person's terminal, as a program that runs elsewhere needs it. */
export interface Terminal {
  size(): { readonly rows: number; readonly columns: number }
  /** Hands every key over as it is, until the returned function is called or the process ends. */
  raw(): () => void
  /** Calls when the size has changed, until the returned function is called. */
  onResize(listener: () => void): () => void
}

/** Everything of the process that a command may touch, so that a test can stand in for it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute path of the working directory. */
  readonly cwd: string
  readonly stdin: AsyncIterable<Uint8Array>
  /** True if a person can answer a question. */
  readonly canAsk: boolean
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
  out(text: string): void
  err(text: string): void
  /** Writes bytes as they are; resolves once more can be written. */
  write(to: 'out' | 'err', bytes: Uint8Array): Promise<void>
  /** Reads no more of stdin, which would keep the process alive. */
  endInput(): void
  /** The terminal that stdin is; null where it is none. */
  readonly terminal: Terminal | null
  /** Hands these signals over, instead of dying of them, until the returned function is called. */
  onSignals(names: readonly NodeJS.Signals[], listener: (name: NodeJS.Signals) => void): () => void
  /** One line from the person at the terminal. */
  ask(question: string): Promise<string>
  /**
   * Fires at Ctrl-C or SIGTERM. From the first call on the process no longer dies of them by
   * itself.
   */
  interrupted(): AbortSignal
  /** The calls that files are read and written with, the operator's folder and keys among them. */
  readonly files: FileCalls
  /**
   * Takes a name that only one process of this machine can have, and gives what gives it back;
   * undefined where another process has it.
   */
  takeName(name: string): Promise<(() => void) | undefined>
  /** Milliseconds since 1970. */
  now(): number
  /** Waits for milliseconds, or until the signal fires. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}
