import assert from 'node:assert/strict'
import type { ComposeProject, ComposeService } from '../../../operator/compose/project.ts'
import { readProject } from '../../../operator/compose/read-project.ts'
import { locatedText } from '../../../operator/terminal/failure.ts'

/** The options of a test for reading a project. */
export interface ReadingOptions {
  readonly files?: readonly string[]
  readonly profiles?: readonly string[]
  readonly envFiles?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
}

/** A project that was read, with its faults and notes as texts without `/p/`. */
export interface Reading {
  readonly project: ComposeProject
  readonly faults: readonly string[]
  readonly notes: readonly string[]
}

/** Reads a project of files in `/p`, given by their names there. */
export async function readFolder(
  files: Readonly<Record<string, string>>,
  options: ReadingOptions = {},
): Promise<Reading> {
  const { project, faults } = await readProject(
    {
      files: (options.files ?? ['compose.yaml']).map((file) => `/p/${file}`),
      profiles: options.profiles ?? [],
      envFiles: (options.envFiles ?? []).map((file) => `/p/${file}`),
      variables: new Map(Object.entries(options.variables ?? {})),
    },
    (path) => Promise.resolve(files[path.replace(/^\/p\//, '')]),
  )
  const shown = (fault: (typeof faults)[number]): string => locatedText(fault).replaceAll('/p/', '')
  return { project, faults: faults.map(shown), notes: project.notes.map(shown) }
}

/** The service `web` of one Compose file, which must have no faults. */
export async function readWeb(
  text: string,
  more: Readonly<Record<string, string>> = {},
  options: ReadingOptions = {},
): Promise<ComposeService> {
  const { project, faults } = await readFolder({ 'compose.yaml': text, ...more }, options)
  assert.deepEqual(faults, [])
  const service = project.services.get('web')
  assert.ok(service !== undefined, 'there is no service web')
  return service
}

/** A Compose file whose service `web` has an image and these lines, which are indented for it. */
export function web(lines: string, rest = ''): string {
  const indented = lines.replace(/^(?=.)/gm, '    ')
  return `services:\n  web:\n    image: nginx\n${indented}\n${rest}`
}

/** A Compose file with a value at the path of a key, as `services.*.ports[].target`. */
export function textAt(path: string, value: string): string {
  return path
    .split('.')
    .reverse()
    .reduce((below, part) => {
      const key = part === '*' ? 'web' : part.replace('[]', '')
      return part.endsWith('[]') ? `{ ${key}: [${below}] }` : `{ ${key}: ${below} }`
    }, value)
}
