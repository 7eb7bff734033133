import { dirname } from 'node:path/posix'
import type { ProjectFiles } from '../load/files.ts'
import type { Text } from '../project.ts'
import { pathIn } from '../texts/paths.ts'
import { looksSecret } from '../texts/secret-names.ts'
import { parseEnvFile } from '../variables/env-file.ts'
import type { Scope, Variable } from '../variables/scope.ts'
import type { Leaf } from '../yaml/tree.ts'
import type { Cursor } from './cursor.ts'

/** The environment of a service. */
export interface ServiceEnvironment {
  readonly values: ReadonlyMap<string, Text>
  /** Names without a value that nothing gives one: they are not set. */
  readonly absent: readonly string[]
}

/**
 * `environment` over `env_file`, as Compose has it: a name without a value takes it from the
 * project's variables, and where they have none is not set, whatever an env file says.
 */
export async function readEnvironment(
  service: Cursor,
  files: ProjectFiles,
  project: Scope,
): Promise<ServiceEnvironment> {
  const own = new Map<string, Text | undefined>()
  const known = new Map<string, Variable>()
  for (const [name, value] of service.at('environment').members()) {
    const text = ownValue(name, value)
    own.set(name, text)
    if (text !== undefined) known.set(name, { name, ...text })
  }
  const values = new Map<string, Text>()
  const filed = await readEnvFiles(service.at('env_file'), files, {
    own: known,
    project,
  })
  for (const [name, { value, place, isSensitive }] of filed) {
    values.set(name, { value, isSensitive, place: place ?? service.place })
  }
  const absent: string[] = []
  for (const [name, text] of own) {
    values.delete(name)
    if (text === undefined) absent.push(name)
    else values.set(name, text)
  }
  return { values, absent }
}

function ownValue(name: string, value: Cursor): Text | undefined {
  if (name === '' || /[\s=\0]/.test(name)) {
    return value.fault('the name of a variable has no blank and no =, and is not empty')
  }
  const leaf = value.leaf('a text, a number, true or false')
  if (leaf === undefined) {
    const found = value.tree?.kind === 'leaf' ? value.tree.home?.scope.get(name) : undefined
    if (found === undefined) return undefined
    return { value: found.value, isSensitive: found.isSensitive, place: found.place ?? value.place }
  }
  noteNumber(value, leaf)
  const isLiteral = looksSecret(name, leaf.text) && !leaf.isSensitive
  if (isLiteral) {
    const message = `${name} looks like a secret and stands in the file: covey seals it, but who reads the file has it`
    value.note(message, 'compose-literal-secret')
  }
  return { value: leaf.text, isSensitive: leaf.isSensitive || isLiteral, place: leaf.place }
}

/** Compose hands on what YAML makes of a number: that is told where it is not what is written. */
function noteNumber(value: Cursor, leaf: Leaf): void {
  if (leaf.type !== 'number' || leaf.text === leaf.written) return
  value.note(
    `${leaf.written} without quotes is the number ${leaf.text}, as in Compose: put it in quotes if it is a text`,
    'compose-number',
  )
}

interface EnvScopes {
  readonly own: Scope
  readonly project: Scope
}

async function readEnvFiles(
  list: Cursor,
  files: ProjectFiles,
  { own, project }: EnvScopes,
): Promise<ReadonlyMap<string, Variable>> {
  const scope: Scope = new Map([...own, ...project])
  let found = new Map<string, Variable>()
  for (const item of list.items()) {
    const path = item.tree?.kind === 'map' ? item.at('path') : item
    const leaf = path.leaf('a path')
    if (leaf === undefined || leaf.text === '') {
      item.fault('must be a path, or a map with "path"')
      continue
    }
    const isRequired = item.tree?.kind === 'map' ? (item.at('required').boolean() ?? true) : true
    const format = item.tree?.kind === 'map' ? (item.at('format').text() ?? '') : ''
    if (format !== '' && format !== 'raw') item.at('format').fault('must be raw, or left out')
    const file = pathIn(leaf.home?.folder ?? dirname(leaf.place.file), leaf.text)
    const text = await files.text(file, leaf.place)
    if (text === undefined && isRequired) files.missing(file, leaf.place)
    if (text === undefined) continue
    const kind = format === 'raw' ? 'raw' : 'dotenv'
    const options = { scope, earlier: found, format: kind } as const
    found = new Map([...found, ...parseEnvFile(file, text, options, list.report)])
  }
  return found
}
