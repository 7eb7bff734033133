import { basename, join } from 'node:path/posix'
import { newNeeds } from '../../diff/grants.ts'
import { serviceOfContainer } from '../../diff/services.ts'
import type { TakenProject } from '../../docker/taken-project.ts'
import type { WrittenFile } from '../../docker/write-project.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import type { StackFields } from '../../layout/edit.ts'
import { Failure, type LocatedFault, locatedText } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { counted } from '../../terminal/style.ts'
import { compileStacks } from '../config/compile.ts'

/** The result of an import. */
export interface ImportReport {
  readonly stack: string
  readonly host: string
  readonly dir: string
  readonly files: readonly WrittenFile[]
  readonly line: 'new' | 'same' | 'differs'
  readonly fields: StackFields
  /**
   * The data that is used where it lies: names of volumes and relative paths, with the path on the
   * host.
   */
  readonly in_place: readonly { readonly name: string; readonly path: string }[]
  /** Volumes that begin empty. */
  readonly empty: readonly string[]
  readonly grants: readonly string[]
  /** The parts that covey does not take as they are. */
  readonly faults: readonly LocatedFault[]
  readonly notes: readonly string[]
}

interface Imported {
  readonly name: string
  readonly host: string
  readonly taken: TakenProject
  readonly fields: StackFields
  readonly written: readonly WrittenFile[]
  readonly line: ImportReport['line']
}

/** Puts together what was done, what is used in place, and what is left to do. */
export async function reportOf(
  session: Session,
  folder: OperatorFolder,
  { name, host, taken, fields, written, line }: Imported,
): Promise<ImportReport> {
  const dir = String(fields['dir'])
  const { found, empty, elsewhere } = taken.volumes
  const folders = taken.inPlace.map((path) => ({ name: `./${path}`, path: join(dir, path) }))
  const volumes = [...found].map(([key, path]) => ({ name: key, path }))
  const { faults, grants, warnings } = await judged(session, folder, name, host)
  const own = [
    ...(folders.length > 0 ? [`path:${dir}`] : []),
    ...volumes.map(({ path }) => `path:${path}`),
  ]
  return {
    stack: name,
    host,
    dir,
    files: written,
    line,
    fields,
    in_place: [...folders, ...volumes],
    empty,
    grants: [...new Set([...own, ...grants])],
    faults,
    notes: [
      ...taken.notes,
      ...warnings,
      ...elsewhere.map(
        (key) =>
          `the volume ${key} is kept elsewhere by its driver: mount it on ${host}, and add volumes: { ${key}: /PATH } to the stack`,
      ),
    ],
  }
}

/** The findings of `covey validate` on the stack, and the needs of its containers on the host. */
async function judged(
  session: Session,
  folder: OperatorFolder,
  name: string,
  host: string,
): Promise<{
  readonly faults: readonly LocatedFault[]
  readonly grants: readonly string[]
  readonly warnings: readonly string[]
}> {
  const files = folder.shown(`stacks/${name}/`)
  const isOwn = ({ file, path = '' }: LocatedFault): boolean =>
    file.startsWith(files) || path.startsWith(`stacks.${name}`)
  try {
    const { compiled } = await compileStacks(session, folder.shown('cluster.yaml'), 'draft')
    const section = compiled.hosts[host] ?? compiled.drafts[host] ?? {}
    const own = Object.entries(section).filter(([object, content]) => {
      const isOfStack = serviceOfContainer(object, content).startsWith(`${name}/`)
      return content.type === 'volume' || isOfStack
    })
    const needs = newNeeds({ hosts: {} }, { hosts: { [host]: Object.fromEntries(own) } })
    const warnings = compiled.warnings.filter((warning) => warning.startsWith(files))
    return { faults: [], grants: needs.map(({ grant }) => grant), warnings }
  } catch (error) {
    if (!(error instanceof Failure) || error.faults.length === 0) throw error
    return { faults: error.faults.filter(isOwn), grants: [], warnings: [] }
  }
}

/** Says it to people, or as one document. */
export function sayImport(session: Session, report: ImportReport): void {
  const lines = [...filesLines(report), ...placeLines(report), ...nextLines(report)]
  session.result(report, lines.map((line) => `${line}\n`).join(''))
}

function* filesLines({ stack, files, line }: ImportReport): Generator<string> {
  const isNew = files.some(({ state }) => state === 'new')
  if (isNew) yield `${stack}: ${counted(files.length, 'file')} copied to stacks/${stack}`
  else if (files.every(({ state }) => state === 'same')) {
    yield `${stack}: stacks/${stack} has the files of the host; nothing was written`
  } else yield `${stack}: stacks/${stack} is there already, and was left as it is`
  // Its lines may bring in again what the one for secrets leaves out.
  const hasRules = files.some(({ path }) => basename(path) === '.gitignore')
  const git = hasRules
    ? 'keep it out of git: the project has a .gitignore of its own'
    : 'git leaves it out'
  for (const { path, state, isSecret } of files) {
    if (state === 'same') continue
    const what = state === 'new' ? '' : state === 'missing' ? ': not here' : ': differs'
    const secret = isSecret && state === 'new' ? `: only you can read it, and ${git}` : ''
    yield `  ${path}${what}${secret}`
  }
  if (line === 'differs') yield 'its line in cluster.yaml differs from what the host has:'
}

function* placeLines({ host, in_place, empty, fields, line }: ImportReport): Generator<string> {
  if (line === 'differs') yield `  ${JSON.stringify(fields)}`
  if (in_place.length > 0) yield `used on ${host} where it is:`
  const width = Math.max(0, ...in_place.map(({ name }) => name.length))
  for (const { name, path } of in_place) yield `  ${name.padEnd(width)}  ${path}`
  if (empty.length > 0) yield `not there yet, so empty at first: ${empty.join(', ')}`
  if (fields['ports'] === 'public' && line === 'new') {
    yield 'ports: public, as with Docker: everybody reaches ports that name no address (--ports)'
  }
}

function* nextLines({ stack, host, grants, faults, notes }: ImportReport): Generator<string> {
  for (const note of notes) yield `note: ${note}`
  if (faults.length > 0) yield `covey does not take ${counted(faults.length, 'thing')} as it is:`
  for (const fault of faults) yield `  ${locatedText(fault)}`
  if (grants.length > 0) {
    yield `on ${host}, as root: covey host grant ${[host, ...grants].map(shellWord).join(' ')}`
  }
  yield faults.length > 0
    ? 'next: mend these, then covey plan'
    : `next: covey plan, then covey apply --replace-docker ${stack}`
}
