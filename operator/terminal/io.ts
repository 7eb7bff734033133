/** Everything of the process that a command may touch, so that a test can stand in for it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute path of the working directory. */
  readonly cwd: string
  readonly stdin: AsyncIterable<Uint8Array>
  /** Whether a person can answer a question. */
  readonly canAsk: boolean
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
  out(text: string): void
  err(text: string): void
  /** One line from the person at the terminal. */
  ask(question: string): Promise<string>
  /**
   * Fires at Ctrl-C or SIGTERM. From the first call on the process no longer dies of them by
   * itself.
   */
  interrupted(): AbortSignal
  /** Milliseconds since 1970. */
  now(): number
}
