/** A JSON Schema, as far as keys are looked for in it. */
interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly definitions?: Readonly<Record<string, Schema>>
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
}

const depthMax = 16

/** Paths of all keys of a schema; `*` for names that the file chooses, `[]` for items. */
export function schemaKeys(root: Schema): ReadonlySet<string> {
  const keys = new Set<string>()
  const named = { ...root.definitions, ...root.$defs }
  const look = (schema: Schema, path: string, depth: number): void => {
    if (depth > depthMax) return
    const target = schema.$ref === undefined ? schema : named[schema.$ref.split('/').at(-1) ?? '']
    if (target === undefined) return
    for (const one of [...(target.oneOf ?? []), ...(target.anyOf ?? [])]) look(one, path, depth + 1)
    if (target.items !== undefined) look(target.items, `${path}[]`, depth + 1)
    const below = (key: string): string => (path === '' ? key : `${path}.${key}`)
    for (const [key, value] of Object.entries(target.properties ?? {})) {
      keys.add(below(key))
      look(value, below(key), depth + 1)
    }
    for (const [pattern, value] of Object.entries(target.patternProperties ?? {})) {
      if (!pattern.startsWith('^x-')) look(value, below('*'), depth + 1)
    }
  }
  look(root, '', 0)
  return keys
}
