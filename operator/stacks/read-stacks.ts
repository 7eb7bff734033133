import { dirname, join } from 'node:path/posix'
import type { ComposeOptions, ReadFile } from '../compose/project.ts'
import { readProject } from '../compose/read-project.ts'
import { defaultNames } from '../compose/variables/project-scope.ts'
import type { LayoutFiles } from '../folder/layout-files.ts'
import type { StackSource } from '../layout/inputs.ts'
import { ownOptions, type StackOptions } from '../layout/stack-options.ts'
import { smallFileBytesMax } from '../limits.ts'
import { Failure, type LocatedFault, systemCode, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { readBeside } from './beside.ts'
import { embeddedServices } from './embedded.ts'
import {
  expectTaken,
  type GivenVariables,
  keptVariables,
  type Opener,
  variablesOf,
} from './variables.ts'

/** The stacks of a layout, and all that is wrong with their files. */
export interface StackFiles {
  readonly stacks: readonly StackSource[]
  readonly faults: readonly LocatedFault[]
  /** Variables that are secrets, for the operator's folder, by their names there. */
  readonly secrets: ReadonlyMap<string, string>
}

/** Where variables come from beyond the files. */
export interface VariableSources {
  /** Of `--env`. */
  readonly given: ReadonlyMap<string, string>
  /** Undefined where no keys are needed: what is sealed is only a name then. */
  readonly open: Opener | undefined
}

/** Reads the Compose files of all stacks, and the services of the layout itself. */
export async function readStacks(
  session: Session,
  files: LayoutFiles,
  { given, open }: VariableSources = { given: new Map(), open: undefined },
): Promise<StackFiles> {
  const { layout, source, yaml, lock } = files
  // Compose resolves paths by the folder of the process, so they are absolute until they are shown.
  const path = session.path(source.file)
  const base = dirname(path)
  const read = reader(session)
  const stacks: StackSource[] = []
  const faults: LocatedFault[] = []
  const secrets = new Map<string, string>()
  const take = async (stack: ReadStack, variables: GivenVariables): Promise<void> => {
    const { project, name } = stack.source
    faults.push(...stack.faults)
    const kept = open && (await keptVariables(name, variables, project, open))
    for (const [object, value] of kept?.secrets ?? []) secrets.set(object, value)
    stacks.push({ ...stack.source, facts: kept?.facts ?? {} })
  }
  for (const [name, options] of layout.stacks) {
    const variables = await variablesOf(name, given, lock, open)
    const asked = { ...(await composeOptions(session, base, options)), variables: variables.values }
    const stack = await readStack(session, { name, options, hostsOf: new Map() }, asked, read)
    await take(stack, variables)
  }
  if (layout.hasServices) {
    const { text, hostsOf } = embeddedServices(source.text, yaml, layout.secrets.keys())
    const own = { name: '', options: ownOptions(layout.hosts), hostsOf }
    const variables = await variablesOf('', given, lock, open)
    const asked = { files: [path], profiles: [], envFiles: [], variables: variables.values }
    const readOwn: ReadFile = async (file) => (file === path ? text : await read(file))
    await take(await readStack(session, own, asked, readOwn), variables)
  }
  const projects = stacks.map(({ project }) => project)
  // What is wrong with a file may be why nothing in it takes a variable.
  if (faults.length === 0) expectTaken(given, projects)
  return { stacks, secrets, faults: faults.map((fault) => shownFault(session, fault)) }
}

/** A stack as it was read. */
interface ReadStack {
  readonly source: StackSource
  readonly faults: readonly LocatedFault[]
}

async function readStack(
  session: Session,
  stack: Pick<StackSource, 'name' | 'options' | 'hostsOf'>,
  options: ComposeOptions,
  read: ReadFile,
): Promise<ReadStack> {
  const { project, faults } = await readProject(options, read)
  const beside = await readBeside(session, project)
  return { source: { ...stack, project, beside }, faults }
}

/** The options a stack is read with; absolute, as its paths are relative to the layout. */
export async function composeOptions(
  session: Session,
  base: string,
  { files, envFiles, profiles }: StackOptions,
): Promise<Omit<ComposeOptions, 'variables'>> {
  const paths = files.map((file) => join(base, file))
  const named = await Promise.all(paths.map((path) => composeFile(session, path)))
  return {
    files: named,
    profiles,
    envFiles: envFiles.map((file) => join(base, file)),
  }
}

/** The Compose file in a folder, where a stack names that; else the file itself. */
async function composeFile(session: Session, path: string): Promise<string> {
  const { files } = session.io
  if ((await files.look(session.path(path)))?.kind !== 'folder') return path
  for (const name of defaultNames) {
    if ((await files.look(session.path(join(path, name)))) !== null) return join(path, name)
  }
  return join(path, defaultNames[0])
}

/** Reads texts for the Compose reader; undefined where there is no file. */
function reader(session: Session): ReadFile {
  return async (path) => {
    try {
      const bytes = await session.io.files.read(session.path(path), smallFileBytesMax + 1)
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch (error) {
      const code = systemCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      const reason = error instanceof TypeError ? 'it is no text in UTF-8' : systemReason(error)
      throw new Failure(2, 'file-unreadable', `cannot read ${path}: ${reason}`, { cause: error })
    }
  }
}

/** A text with paths as a person would write them here. */
export function shownText(session: Session, text: string): string {
  return text.replaceAll(`${session.io.cwd}/`, '')
}

/** A fault with its file as a person would write it here. */
export function shownFault(session: Session, fault: LocatedFault): LocatedFault {
  const { file, message } = fault
  return { ...fault, file: shownText(session, file), message: shownText(session, message) }
}
