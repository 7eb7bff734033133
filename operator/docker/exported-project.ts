import { basename, dirname, posix } from 'node:path'
import { stringify } from 'yaml'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import { readProject } from '../compose/read-project.ts'
import { defaultNames } from '../compose/variables/project-scope.ts'
import type { LayoutFiles } from '../folder/layout-files.ts'
import type { StackSource } from '../layout/inputs.ts'
import { factKey, hostFact } from '../layout/lock.ts'
import { importBytesMax, remoteFileBytesMax } from '../limits.ts'
import { composeOptions, readStacks } from '../stacks/read-stacks.ts'
import { type Opener, variablesOf } from '../stacks/variables.ts'
import { Failure, faultsFailure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { type Override, overrideOf } from './override.ts'
import { isBelow } from './remote-files.ts'
import type { TakenFile } from './taken-project.ts'

/** The stack that is exported, and for which host. */
export interface ExportWish {
  /** Name of the stack; `''` for the services of the layout itself. */
  readonly stack: string
  readonly host: string | undefined
  readonly stateDir: string
  readonly open: Opener
}

/** Files by which Docker runs a stack. */
export interface ExportedProject {
  readonly host: string
  readonly files: readonly TakenFile[]
  /** Folder of the project below that of the files; `''` for that itself. */
  readonly below: string
  readonly override: Override
}

/** A file that was read, by its absolute path. */
type Recorded = ReadonlyMap<string, { readonly content: Buffer; readonly mode: number }>

/**
 * Puts the files of a stack together as Docker needs them: copies of its own, values that the
 * layout has in place of them, and one Compose file with the places of the data. Throws `Failure`:
 * `no-such-stack`, `export-host`, the faults of its files, `export-too-large`,
 * `export-path`.
 */
export async function exportProject(
  session: Session,
  files: LayoutFiles,
  wish: ExportWish,
): Promise<ExportedProject> {
  const { source, recorded, composeFiles, variables } = await readStack(session, files, wish)
  const host = hostOf(source, wish.host)
  const secretFiles = new Map<string, string>()
  const secrets = new Map<string, TakenFile>()
  const own = source.name === '' ? [] : [...recorded.keys()]
  const base = source.name === '' ? dirname(composeFiles[0] ?? '') : commonFolder(own)
  const home = dirname(composeFiles[0] ?? '')
  const below = posix.relative(base, home)
  const inHome = (path: string): string => posix.join(below, path)
  for (const { key, externalName } of source.project.secrets.values()) {
    if (externalName === undefined || !files.layout.secrets.has(externalName)) continue
    const content = Buffer.from(await (await wish.open()).contentOf(externalName))
    secretFiles.set(key, `./secrets/${externalName}`)
    const path = inHome(`secrets/${externalName}`)
    secrets.set(path, { path, mode: 0o600, content, isSecret: true })
  }
  const override = overrideOf(source, {
    ...{ host, stateDir: wish.stateDir, secretFiles, elsewhere: elsewhereOf(source, files, host) },
    meshAddress: files.layout.hosts.get(host)?.address ?? hostFact(files.lock, host, 'address'),
  })
  const copies = new Map<string, TakenFile>(
    [...recorded].map(([path, { content, mode }]) => {
      const name = posix.relative(base, path)
      const isSecret = !/\.ya?ml$/.test(name) && (mode & 0o077) === 0
      return [name, { path: name, mode, content, isSecret }]
    }),
  )
  if (source.name === '') {
    copies.delete(basename(files.source.file))
    copies.set('compose.yaml', textFile('compose.yaml', ownServices(files)))
  }
  const names =
    source.name === '' ? ['compose.yaml'] : composeFiles.map((file) => posix.relative(home, file))
  addOverride(copies, source, override, { names, inHome, recorded, variables })
  expectApart(copies, secrets)
  const all = [...copies.values(), ...secrets.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  return { host, files: all, below, override }
}

/** Refuses a secret of the layout whose place a file or a folder of the stack has. */
function expectApart(
  copies: ReadonlyMap<string, TakenFile>,
  secrets: ReadonlyMap<string, TakenFile>,
): void {
  for (const place of secrets.keys()) {
    const taken = [...copies.keys()].find((path) => {
      return path === place || path.startsWith(`${place}/`) || place.startsWith(`${path}/`)
    })
    if (taken === undefined) continue
    const what = `${place} is the place of a secret of the layout, and the stack has ${taken}`
    throw new Failure(4, 'export-path', what, {
      hint: 'give one of them another name: the secret, or the file of the stack',
    })
  }
}

function textFile(path: string, text: string, isSecret: boolean = false): TakenFile {
  return { path, mode: isSecret ? 0o600 : 0o644, content: Buffer.from(text), isSecret }
}

/** Reads one stack, and keeps every file that is read for it, those of inactive services too. */
async function readStack(
  session: Session,
  files: LayoutFiles,
  { stack: name, open }: ExportWish,
): Promise<{
  readonly source: StackSource
  readonly recorded: Recorded
  readonly composeFiles: readonly string[]
  /** Of `--env`, which the lock keeps. */
  readonly variables: ReadonlyMap<string, string>
}> {
  const { layout } = files
  const options = layout.stacks.get(name)
  if (name === '' ? !layout.hasServices : options === undefined) {
    const known = [...layout.stacks.keys()].join(', ') || 'none'
    const what =
      name === '' ? 'the layout has no services of its own' : `the layout has no stack ${name}`
    throw new Failure(2, 'no-such-stack', what, { hint: `stacks: ${known}` })
  }
  const recorded = new Map<string, { content: Buffer; mode: number }>()
  let bytes = 0
  const { files: calls } = session.io
  const read = async (path: string, most?: number): Promise<Uint8Array> => {
    const content = Buffer.from(await calls.read(path, most))
    if (recorded.has(path)) return content
    bytes += content.length
    if (content.length > remoteFileBytesMax || bytes > importBytesMax) {
      throw new Failure(4, 'export-too-large', `${path}: the files of the stack are too large`)
    }
    recorded.set(path, { content, mode: (await calls.look(path))?.mode ?? 0o644 })
    return content
  }
  const recording = { ...session, io: { ...session.io, files: { ...calls, read } } }
  const only = new Map(options === undefined ? [] : [[name, options] as const])
  const narrowed = { ...layout, stacks: only, hasServices: name === '' }
  const { stacks, faults } = await readStacks(
    recording,
    { ...files, layout: narrowed },
    { given: new Map(), open },
  )
  const { values: variables } = await variablesOf(name, new Map(), files.lock, open)
  if (faults.length > 0) throw faultsFailure(faults)
  const [source] = stacks
  if (source === undefined) throw new Error('the stack was read')
  const layoutPath = session.path(files.source.file)
  if (options === undefined) return { source, recorded, composeFiles: [layoutPath], variables }
  const given = await composeOptions(session, dirname(layoutPath), options)
  const text = async (path: string): Promise<string | undefined> =>
    await read(path).then(
      (content) => content.toString(),
      () => undefined,
    )
  await readProject({ ...given, variables, profiles: ['*'] }, text)
  return { source, recorded, composeFiles: given.files, variables }
}

function hostOf({ name, options }: StackSource, asked: string | undefined): string {
  const { hosts } = options
  const [first] = hosts
  if (asked !== undefined && hosts.includes(asked)) return asked
  if (asked === undefined && first !== undefined && hosts.length === 1) return first
  const what = name === '' ? 'the services' : name
  throw new Failure(2, 'export-host', `${what} may run on ${hosts.join(', ') || 'several hosts'}`, {
    hint: 'say of which host Docker is to run them: --host NAME',
  })
}

/** Services that the lock has placed on other hosts only. */
function elsewhereOf(
  { name, project, options }: StackSource,
  { lock }: LayoutFiles,
  host: string,
): ReadonlySet<string> {
  if (options.hosts.length === 1) return new Set()
  const away = [...project.services.keys()].filter((service) => {
    const places = lock.facts.get(factKey('placement', `${name}/${service}`))
    return places !== undefined && !places.split(',').includes(host)
  })
  return new Set(away)
}

/** The folder that all of these are in. */
function commonFolder(paths: readonly string[]): string {
  const [first = '/', ...others] = paths.map((path) => dirname(path))
  let common = first
  for (const folder of others) {
    while (!isBelow(common, folder)) common = dirname(common)
  }
  return common
}

/** The services of a layout as a Compose file of their own; what is covey's is left out. */
function ownServices({ yaml, layout }: LayoutFiles): string {
  const value = isObject(yaml.value) ? yaml.value : {}
  const services = Object.entries(isObject(value['services']) ? value['services'] : {})
  const plain = services.map(([name, service]) => {
    const { host: _host, hosts: _hosts, ...rest } = isObject(service) ? service : {}
    return [name, rest]
  })
  const kept = ['volumes', 'networks', 'configs'].flatMap((key) => {
    return value[key] == null ? [] : [[key, value[key]] as const]
  })
  const secrets = [...layout.secrets.keys()].map((name) => [name, { external: true }])
  return stringify(
    {
      services: Object.fromEntries(plain),
      ...Object.fromEntries(kept),
      ...(secrets.length === 0 ? {} : { secrets: Object.fromEntries(secrets) }),
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  )
}

/**
 * Adds the override under the name that Compose reads by itself; else `.env` names all files. What
 * the layout has in place of `.env` and of profiles goes there too.
 */
function addOverride(
  copies: Map<string, TakenFile>,
  { options }: StackSource,
  { text }: Override,
  {
    names,
    inHome,
    recorded,
    variables,
  }: {
    readonly names: readonly string[]
    readonly inHome: (path: string) => string
    readonly recorded: Recorded
    readonly variables: ReadonlyMap<string, string>
  },
): void {
  const [first = ''] = names
  const env = inHome('.env')
  const filed = options.envFiles.length === 0 ? copies.get(env)?.content.toString() : undefined
  const layoutPaths = [...recorded].filter(([path]) => {
    return options.envFiles.some((file) => path.endsWith(`/${posix.normalize(file)}`))
  })
  const values = filed ?? layoutPaths.map(([, { content }]) => ended(content.toString())).join('')
  const named = /^\s*(?:export\s+)?COMPOSE_FILE\s*=\s*["']?([^"'\r\n]*)/m.exec(values)?.[1]?.trim()
  const isPlain = names.length === 1 && defaultNames.includes(first) && !named
  const automatic = first.startsWith('docker-')
    ? 'docker-compose.override.yml'
    : 'compose.override.yaml'
  const isFree = isPlain && !copies.has(inHome(automatic))
  const name = isFree ? automatic : 'compose.covey.yaml'
  copies.set(inHome(name), textFile(inHome(name), text))
  const list = named && names.length === 1 ? named : names.join(':')
  const lines = [
    ...[...variables].map(([key, value]) => `${key}=${quotedValue(value)}`),
    ...(isFree ? [] : [`COMPOSE_FILE=${list}:${name}`]),
    ...(options.profiles.length === 0 ? [] : [`COMPOSE_PROFILES=${options.profiles.join(',')}`]),
  ]
  if (lines.length === 0 && (filed !== undefined || values === '')) return
  const added = lines.length === 0 ? '' : `# Added by covey export.\n${lines.join('\n')}\n`
  copies.set(env, textFile(env, `${ended(values)}${added}`, true))
}

/** A value as every reader of env files takes it. */
function quotedValue(value: string): string {
  if (/^[\w./:@+-]*$/.test(value)) return value
  if (!value.includes("'")) return `'${value}'`
  return `"${value.replaceAll(/[\\"$]/g, '\\$&').replaceAll('\n', '\\n')}"`
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
