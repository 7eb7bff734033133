import { basename, dirname, join } from 'node:path/posix'
import type { ProjectFiles } from '../load/files.ts'
import type { ComposeOptions, Place } from '../project.ts'
import type { Report } from '../report.ts'
import { memberOf } from '../yaml/tree.ts'
import { parseEnvFile } from './env-file.ts'
import type { Scope, Variable } from './scope.ts'
import { substitute } from './substitute.ts'

/** The settings of a project that its variables give. */
export interface ProjectScope {
  readonly scope: Scope
  /** Names of the options' variables whose values were asked for; it grows while files are read. */
  readonly taken: ReadonlySet<string>
  /** The files of the project; `COMPOSE_FILE` may name others than the options. */
  readonly files: readonly string[]
  readonly profiles: readonly string[]
  /** Name of the project where a file or a variable gives one. */
  readonly name: string | undefined
}

/** Names of a file that Compose merges over such a one by itself, in its order. */
export const overrideNames: readonly string[] = [
  'compose.override.yaml',
  'compose.override.yml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]
/** Names of a Compose file that Compose looks for by itself, in its order. */
export const defaultNames: readonly [string, ...string[]] = [
  ...(['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'] as const),
]

/**
 * The variables of a project: those of the command line, then those of its env files, the last file
 * first. `COMPOSE_FILE`, `COMPOSE_PROFILES` and `COMPOSE_PROJECT_NAME` are obeyed; the first only
 * where the options name one file, by one of the names that Compose looks for by itself.
 */
export async function readProjectScope(
  options: ComposeOptions,
  files: ProjectFiles,
  report: Report,
): Promise<ProjectScope> {
  const [first = ''] = options.files
  const folder = dirname(first)
  const taken = new Set<string>()
  const given: Scope = new Map(
    [...options.variables].map(([name, value]) => [name, givenVariable(name, value, taken)]),
  )
  const filed = await readEnvFiles(options, folder, given, files, report)
  const known = new Map<string, Variable>([...filed, ...given])
  const isDefault = options.files.length === 1 && defaultNames.includes(basename(first))
  const fileList = isDefault ? known.get('COMPOSE_FILE')?.value : undefined
  const separator = known.get('COMPOSE_PATH_SEPARATOR')?.value || ':'
  const paths = (fileList ?? '')
    .split(separator)
    .filter((path) => path !== '')
    .map((path) => (path.startsWith('/') ? path : join(folder, path)))
  const own = paths.length === 0 ? options.files : paths
  if (isDefault && paths.length === 0) await noteOverride(first, files, report)
  const profiles = (known.get('COMPOSE_PROFILES')?.value ?? '').split(',')
  const name = known.get('COMPOSE_PROJECT_NAME')?.value || (await nameInFiles(own, known, files))
  const projectName = normalName(name ?? '') || undefined
  const value = projectName ?? normalName(basename(folder))
  known.set('COMPOSE_PROJECT_NAME', {
    name: 'COMPOSE_PROJECT_NAME',
    value,
    place: undefined,
    isSensitive: false,
  })
  return {
    scope: known,
    taken,
    files: own,
    profiles: (options.profiles.length > 0 ? options.profiles : profiles)
      .map((profile) => profile.trim())
      .filter((profile) => profile !== ''),
    name: projectName,
  }
}

/** A variable of the options, which is noted where its value is asked for. */
function givenVariable(name: string, value: string, taken: Set<string>): Variable {
  return {
    ...{ name, place: undefined, isSensitive: true },
    get value() {
      taken.add(name)
      return value
    },
  }
}

/** Docker without `-f` reads an override too; covey reads the files that the layout names. */
async function noteOverride(first: string, files: ProjectFiles, report: Report): Promise<void> {
  const place: Place = { file: first, line: 1, column: 1 }
  for (const name of overrideNames) {
    const path = join(dirname(first), name)
    if ((await files.text(path, place)) === undefined) continue
    const message = `${name} beside it is not read: name both files if it is meant, as Docker reads both`
    report.note(place, { code: 'compose-override', message })
  }
}

async function readEnvFiles(
  options: ComposeOptions,
  folder: string,
  given: Scope,
  files: ProjectFiles,
  report: Report,
): Promise<Scope> {
  const isOwn = options.envFiles.length === 0
  const paths = isOwn ? [join(folder, '.env')] : options.envFiles
  let found: Scope = new Map()
  for (const path of paths) {
    const place: Place = { file: path, line: 1, column: 1 }
    const text = await files.text(path, place)
    if (text === undefined && !isOwn) files.missing(path, place)
    if (text === undefined) continue
    const earlier = { scope: given, earlier: found, format: 'dotenv' } as const
    found = new Map([...found, ...parseEnvFile(path, text, earlier, report)])
  }
  return found
}

/** `name` of the last file that has one. */
async function nameInFiles(
  paths: readonly string[],
  scope: Scope,
  files: ProjectFiles,
): Promise<string | undefined> {
  let name: string | undefined
  for (const path of paths) {
    for (const document of await files.trees(path, { file: path, line: 1, column: 1 })) {
      const leaf = memberOf(document, 'name')
      if (leaf?.kind !== 'leaf' || leaf.text === '') continue
      name = substitute(leaf.text, (variable) => scope.get(variable)).text
    }
  }
  return name
}

/** A name as Compose makes it of a folder's: lower case, and nothing but a-z, 0-9, `_` and `-`. */
function normalName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
}
