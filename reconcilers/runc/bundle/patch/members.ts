import { isObject } from '../../../../protocol/documents/canonical-json.ts'

/** An object in a runtime config; its members may have any type. */
export type Config = Readonly<Record<string, unknown>>

/** The member of an object that is an object itself; an empty one if absent. */
export function memberOf(object: Config, name: string): Config {
  const member = object[name]
  return isObject(member) ? member : {}
}

/** The parts of the output of `runc spec` that a bundle reads. */
export interface RuntimeParts {
  /** The whole output, including members that covey does not know. */
  readonly whole: Config
  readonly process: Config
  readonly env: readonly string[]
  readonly mounts: readonly unknown[]
  readonly linux: Config
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
}

/** Splits the output of `runc spec` into its parts. */
export function runtimeParts(whole: Config): RuntimeParts {
  const [process, linux] = [memberOf(whole, 'process'), memberOf(whole, 'linux')]
  return {
    ...{ whole, process, linux },
    env: textsOf(process['env']),
    mounts: itemsOf(whole['mounts']),
    maskedPaths: textsOf(linux['maskedPaths']),
    readonlyPaths: textsOf(linux['readonlyPaths']),
  }
}

/** The items of a list; none for a value that is not a list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The strings of a list. */
export function textsOf(value: unknown): readonly string[] {
  return itemsOf(value).filter((item) => typeof item === 'string')
}
