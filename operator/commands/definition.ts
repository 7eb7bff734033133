import type { Session } from '../terminal/session.ts'

/** The words after a command's name. */
export interface Input {
  readonly args: readonly string[]
  /** Value of an option, by its long name in camelCase. */
  text(option: string): string | undefined
  /** All values of an option that may be given several times. */
  list(option: string): readonly string[]
  /** True if a switch is on. */
  is(option: string): boolean
  /** True if a switch is off because its `--no-` was given. */
  isNot(option: string): boolean
}

/** One command, as help shows it and as it runs. */
export interface CommandDefinition {
  readonly name: string
  readonly aliases?: readonly string[]
  /** Arguments in commander's notation, as `<config>` or `[name]`. */
  readonly parameters?: string
  /** One line, without a full stop. */
  readonly summary: string
  /** The help beyond the one line. */
  readonly details?: string
  /** Whole command lines. */
  readonly examples: readonly string[]
  /** With `repeated`, an option may be given several times. */
  readonly options?: readonly (readonly [
    flags: string,
    description: string,
    repeated?: 'repeated',
  ])[]
  readonly subcommands?: readonly CommandDefinition[]
  /** Modules are loaded here, so that each command loads no more than it needs. */
  readonly run?: (session: Session, input: Input) => Promise<void>
}
