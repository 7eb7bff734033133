import { isObject } from '../../../../protocol/documents/canonical-json.ts'

/** Some object of a runtime config, whose members may be of any form. */
export type Config = Readonly<Record<string, unknown>>

/** An object in another one; an empty one where there is none. */
export function memberOf(object: Config, name: string): Config {
  const member = object[name]
  return isObject(member) ? member : {}
}

/** What `runc spec` writes, as far as a bundle reads it. */
export interface RuntimeParts {
  /** Everything, also what no version of covey knows. */
  readonly whole: Config
  readonly process: Config
  readonly env: readonly string[]
  readonly mounts: readonly unknown[]
  readonly linux: Config
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
}

/** Takes apart what `runc spec` writes. */
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

/** What a list holds; nothing where it is none. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The texts of a list. */
export function textsOf(value: unknown): readonly string[] {
  return itemsOf(value).filter((item) => typeof item === 'string')
}
