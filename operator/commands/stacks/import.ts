import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { isName } from '../../../protocol/names.ts'
import { type TakenProject, takeProject } from '../../docker/taken-project.ts'
import { type WrittenFile, writeProject } from '../../docker/write-project.ts'
import { writeWhole } from '../../files/write-file.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { type StackFields, withStack } from '../../layout/edit.ts'
import type { Layout } from '../../layout/layout.ts'
import { nameRule } from '../../layout/layout-schema.ts'
import { openShell } from '../../ssh/remote-shell.ts'
import { ExitWith, Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { type ImportReport, reportOf, sayImport } from './import-report.ts'
import { type ImportSource, layoutHostOf, parseImportSource } from './import-source.ts'

const scopes: readonly string[] = ['mesh', 'lan', 'public']

/**
 * `covey stack import [USER@]HOST:/FOLDER`: copies the files of a Compose project of a host into
 * the operator's folder, and gives the layout a line for it. On the host nothing changes. Exit code
 * 3 where both are there already and differ.
 */
export async function importStack(session: Session, input: Input): Promise<void> {
  const [text = ''] = input.args
  const folder = await openFolder(session)
  const shown = folder.shown('cluster.yaml')
  const { layout } = await readLayout(session, shown, false)
  const source = parseImportSource(text, layout)
  const host = layoutHostOf(source, layout, input.text('host'))
  const name = stackName(input.text('name'), source)
  const ports = input.text('ports')
  if (ports !== undefined && !scopes.includes(ports)) {
    throw new Failure(2, 'usage', `--ports ${ports}: must be mesh, lan or public`)
  }
  const { env, canAsk } = session.io
  const shell = await openShell({ destination: source.destination, env, mayAsk: canAsk })
  session.note(`reading ${source.path} on ${shell.name}`)
  const taken = await takeProject(shell, source.path)
  const fields = fieldsOf(taken, name, host, ports)
  const { written, line } = await whileEditing(session.io, folder, () =>
    writeAll(session, folder, { name, fields, taken }),
  )
  const report = await reportOf(session, folder, { name, host, taken, fields, written, line })
  sayImport(session, report)
  if (isDifferent(report)) throw new ExitWith(3)
}

function isDifferent({ files, line }: ImportReport): boolean {
  return line === 'differs' || files.some(({ state }) => state === 'differs' || state === 'missing')
}

function stackName(given: string | undefined, { path }: ImportSource): string {
  const folder = /([^/]+)(?:\/[^/]+\.ya?ml)?$/.exec(path)?.[1] ?? ''
  const name = given ?? folder.toLowerCase().replace(/[^a-z0-9_-]/g, '-')
  if (isName(name)) return name
  throw new Failure(2, 'name', `${name}: ${nameRule}`, { hint: 'choose one: --name immich' })
}

function fieldsOf(
  taken: TakenProject,
  name: string,
  host: string,
  ports: string | undefined,
): StackFields {
  const [first = '', ...others] = taken.composeFiles.map((file) => `stacks/${name}/${file}`)
  const [composeFile = ''] = taken.composeFiles
  const below = composeFile.includes('/') ? `/${composeFile.replace(/\/[^/]*$/, '')}` : ''
  const scope = ports ?? (taken.hasBarePorts ? 'public' : undefined)
  const { found } = taken.volumes
  return {
    file: others.length === 0 ? first : [first, ...others],
    host,
    dir: `${taken.root}${below}`,
    ...(scope === undefined ? {} : { ports: scope }),
    ...(found.size === 0 ? {} : { volumes: Object.fromEntries(found) }),
  }
}

/** The files first: a folder that the layout does not name yet harms nothing. */
async function writeAll(
  session: Session,
  folder: OperatorFolder,
  {
    name,
    fields,
    taken,
  }: { readonly name: string; readonly fields: StackFields; readonly taken: TakenProject },
): Promise<{
  readonly written: readonly WrittenFile[]
  readonly line: 'new' | 'same' | 'differs'
}> {
  const shown = folder.shown('cluster.yaml')
  const { source, yaml, layout } = await readLayout(session, shown, false)
  expectOwn(layout, name)
  const written = await writeProject(
    session,
    session.path(folder.shown(`stacks/${name}`)),
    taken.files,
  )
  if (layout.stacks.has(name)) {
    const stacks = isObject(yaml.value) ? yaml.value['stacks'] : undefined
    const before = isObject(stacks) ? stacks[name] : undefined
    return { written, line: isDeepStrictEqual(before, fields) ? 'same' : 'differs' }
  }
  await writeWhole(session.io.files, session.path(shown), withStack(source, name, fields))
  return { written, line: 'new' }
}

/** Refuses a name that another stack of the layout has, from elsewhere. */
function expectOwn({ stacks }: Layout, name: string): void {
  const known = stacks.get(name)
  if (known === undefined) return
  if (known.files.every((file) => file.startsWith(`stacks/${name}/`))) return
  throw new Failure(4, 'stack-taken', `the layout has a stack ${name} already, of other files`, {
    hint: `give this one another name: --name ${name}2`,
  })
}
