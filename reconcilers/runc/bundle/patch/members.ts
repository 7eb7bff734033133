import { isObject } from '../../../../protocol/documents/canonical-json.ts'

/** Some object of a runtime config, whose members may be of any form. */
export type Config = Readonly<Record<string, unknown>>

/** An object in another one; an empty one where there is none. */
export function memberOf(object: Config, name: string): Config {
  const member = object[name]
  return isObject(member) ? member : {}
}

/** What a list holds; nothing where it is none. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The texts of a list. */
export function textsOf(value: unknown): readonly string[] {
  return itemsOf(value).filter((item) => typeof item === 'string')
}
