import { dirname, posix } from 'node:path'
import type { ComposeProject, VolumeEntry } from '../compose/project.ts'
import { readProject } from '../compose/read-project.ts'
import { defaultNames, overrideNames } from '../compose/variables/project-scope.ts'
import { besideBytesMax } from '../layout/limits.ts'
import { importBytesMax, remoteFileBytesMax } from '../limits.ts'
import type { RemoteShell } from '../ssh/remote-shell.ts'
import { Failure, faultsFailure } from '../terminal/failure.ts'
import { type DockerContainer, dockerContainers } from './docker-facts.ts'
import { cleanPath, isBelow, openRemoteFolder, type RemoteFolder } from './remote-files.ts'
import { placedVolumes, type VolumePlaces } from './volume-places.ts'

/** A file of a project, as the host has it. */
export interface TakenFile {
  /** Below the folder of the project, with `/` between its parts. */
  readonly path: string
  readonly mode: number
  readonly content: Buffer
  /** True if it holds variables or a secret. */
  readonly isSecret: boolean
}

/** A Compose project of a host, with all that its files name. */
export interface TakenProject {
  /** Folder of the project on the host. */
  readonly root: string
  /** Compose files, below the folder; first to last. */
  readonly composeFiles: readonly string[]
  /** Sorted by path. */
  readonly files: readonly TakenFile[]
  /** Folders and files that services mount, used where they are; below the folder. */
  readonly inPlace: readonly string[]
  readonly volumes: VolumePlaces
  /** True if a port is published without a word on who reaches it. */
  readonly hasBarePorts: boolean
  /** Notes for a person, a line each. */
  readonly notes: readonly string[]
}

/**
 * Reads a Compose project of a host with every file that it names. `path` is its folder, or one
 * Compose file in it. Throws `Failure`: `no-such-folder`, `no-compose-file`, the faults of files
 * whose syntax is wrong, `import-too-large`.
 */
export async function takeProject(shell: RemoteShell, path: string): Promise<TakenProject> {
  const isFile = /\.ya?ml$/.test(path)
  const root = isFile ? dirname(path) : path
  const folder = await openRemoteFolder(shell, root)
  const notes: string[] = []
  const containers = await containersAt(shell, root, notes)
  const composeFiles = isFile ? [path] : await composeFilesOf(shell, folder, containers)
  const reader = fileReader(folder, notes)
  const options = { files: composeFiles, envFiles: [], variables: new Map<string, string>() }
  const all = await readProject({ ...options, profiles: ['*'] }, reader.text)
  reader.expectFitting()
  const broken = all.faults.filter(({ code }) => code === 'yaml')
  if (broken.length > 0) throw faultsFailure(broken)
  const { project } = await readProject({ ...options, profiles: [] }, reader.text)
  notes.push(...profileNotes(all.project, project, containers))
  const inPlace = await mountedFiles(folder, all.project, reader)
  const name = containers[0]?.project ?? project.name ?? plainName(posix.basename(root))
  const volumes = await placedVolumes(shell, folder, all.project, name)
  notes.push(...anonymousNotes(containers))
  const secrets = [...all.project.secrets.values()].map(({ content }) => content?.value)
  return {
    root,
    composeFiles: composeFiles.map((file) => posix.relative(root, file)),
    files: reader.files(secrets),
    inPlace,
    volumes,
    hasBarePorts: [...project.services.values()].some(({ ports }) =>
      ports.some(({ hostAddress, hostPort }) => hostAddress === '' && hostPort !== undefined),
    ),
    notes,
  }
}

/** Containers of the project in this folder; none where docker is not there, or keeps quiet. */
async function containersAt(
  shell: RemoteShell,
  root: string,
  notes: string[],
): Promise<readonly DockerContainer[]> {
  try {
    const all = (await dockerContainers(shell)) ?? []
    return all.filter(({ folder }) => folder === root)
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'docker-failed') throw error
    notes.push(`${error.message}: volumes are looked for below /var/lib/docker`)
    return []
  }
}

/** The files with which the project was started; else those that Compose looks for by itself. */
async function composeFilesOf(
  shell: RemoteShell,
  folder: RemoteFolder,
  containers: readonly DockerContainer[],
): Promise<readonly string[]> {
  const { root } = folder
  const [started] = containers
  const isOwn = started?.files.every((file) => isBelow(root, file)) === true
  if (started !== undefined && started.files.length > 0 && isOwn) return started.files
  const [name, override] = await Promise.all([
    firstOf(folder, defaultNames),
    firstOf(folder, overrideNames),
  ])
  if (name !== undefined) return override === undefined ? [name] : [name, override]
  throw new Failure(2, 'no-compose-file', `there is no Compose file in ${root} on ${shell.name}`, {
    hint: `name it: covey stack import HOST:${root}/FILE.yaml`,
  })
}

async function firstOf(
  folder: RemoteFolder,
  names: readonly string[],
): Promise<string | undefined> {
  const paths = names.map((name) => posix.join(folder.root, name))
  const found = await folder.look(paths)
  return paths.find((_, index) => found[index]?.kind === 'file')
}

interface FileReader {
  /** For the Compose reader. */
  text(path: string): Promise<string | undefined>
  /** Throws what no reader of Compose files should turn into a fault of them. */
  expectFitting(): void
  /** Takes a file along that services mount. */
  take(path: string): Promise<void>
  files(secrets: readonly (string | undefined)[]): readonly TakenFile[]
}

function fileReader(folder: RemoteFolder, notes: string[]): FileReader {
  const { root } = folder
  const taken = new Map<string, Omit<TakenFile, 'isSecret'> & { readonly isMounted: boolean }>()
  const texts = new Map<string, Promise<string | undefined>>()
  let bytes = 0
  let tooLarge: Failure | undefined
  const tell = (error: unknown): void => {
    if (error instanceof Failure && error.code === 'import-path') notes.push(error.message)
  }
  const take = async (path: string, isMounted: boolean): Promise<Buffer | undefined> => {
    const reason = pathFault(root, path)
    if (reason !== undefined) throw new Failure(2, 'import-path', `${path} ${reason}`)
    const found = await folder.read(path)
    if (found.kind === 'absent') return undefined
    if (!('content' in found)) {
      throw new Failure(2, 'import-path', `${path} ${kindFaults[found.kind] ?? 'cannot be read'}`)
    }
    const { mode, content } = found
    bytes += content.length
    if (content.length > remoteFileBytesMax || bytes > importBytesMax) {
      tooLarge ??= new Failure(4, 'import-too-large', `${path}: the files are too large`, {
        hint: `at most ${remoteFileBytesMax / 2 ** 20} MiB each, ${importBytesMax / 2 ** 20} MiB in all`,
      })
      throw tooLarge
    }
    taken.set(path, { path: posix.relative(root, path), mode, content, isMounted })
    return content
  }
  const text = async (path: string): Promise<string | undefined> => {
    const content = taken.get(path)?.content ?? (await take(path, false))
    if (content === undefined) return undefined
    const decoded = content.toString('utf8')
    if (Buffer.from(decoded).equals(content)) return decoded
    throw new Failure(2, 'import-path', `${path} is no text in UTF-8`)
  }
  return {
    text(path) {
      const known = texts.get(path) ?? text(path)
      if (!texts.has(path)) known.catch(tell)
      texts.set(path, known)
      return known
    },
    expectFitting() {
      if (tooLarge !== undefined) throw tooLarge
    },
    async take(path) {
      await take(path, true).catch((error: unknown) => {
        if (!(error instanceof Failure) || error.code !== 'import-path') throw error
        tell(error)
      })
    },
    files: (secrets) =>
      [...taken.values()]
        .map(({ isMounted, ...file }) => {
          const isEnv = !isMounted && !/\.ya?ml$/.test(file.path)
          return { ...file, isSecret: isEnv || secrets.includes(file.content.toString()) }
        })
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

const kindFaults: Readonly<Record<string, string>> = {
  outside: 'is a link that leads out of the folder of the project',
  folder: 'is a folder',
  closed: 'may not be read by this user',
}

/** The reason why no file of this name may lie in the operator's folder. */
function pathFault(root: string, path: string): string | undefined {
  if (cleanPath(path) !== path || !isBelow(root, path) || path === root) {
    return `lies outside of ${root}: put a copy into that folder, or write its content there`
  }
  // A folder of git's tells git which programs to run.
  const parts = posix.relative(root, path).toLowerCase().split('/')
  return parts.includes('.git') ? "is git's own, and is not copied" : undefined
}

/**
 * Takes small files along that services only read and that anybody may read; gives all else that is
 * mounted from below the folder, as it is used in place.
 */
async function mountedFiles(
  folder: RemoteFolder,
  { folder: own, services }: ComposeProject,
  reader: FileReader,
): Promise<readonly string[]> {
  const uses = new Map<string, VolumeEntry[]>()
  for (const { volumes } of services.values()) {
    for (const entry of volumes) {
      if (entry.kind !== 'bind' || !/^\.\.?(\/|$)/.test(entry.source ?? '')) continue
      const path = posix.join(own, entry.source ?? '').replace(/(?<=.)\/$/, '')
      uses.set(path, [...(uses.get(path) ?? []), entry])
    }
  }
  const paths = [...uses.keys()].filter((path) => isBelow(folder.root, path))
  const found = await folder.look(paths)
  const inPlace: string[] = []
  let left = besideBytesMax
  for (const [index, path] of paths.entries()) {
    const { kind, mode, uid, bytes } = found[index] ?? { kind: 'absent', mode: 0, uid: 0, bytes: 0 }
    // In a container they belong to root.
    const isOpen = uid === 0 || (mode & 0o004) !== 0
    const isRead = uses.get(path)?.every(({ isReadOnly }) => isReadOnly) === true
    const isTaken = kind === 'file' && isOpen && isRead && bytes <= left
    if (isTaken && pathFault(folder.root, path) === undefined) {
      left -= bytes
      await reader.take(path)
    } else inPlace.push(posix.relative(own, path) || '.')
  }
  return inPlace.sort()
}

function profileNotes(
  all: ComposeProject,
  { services }: ComposeProject,
  containers: readonly DockerContainer[],
): readonly string[] {
  const behind = containers
    .map(({ service }) => service)
    .filter((name) => !services.has(name) && all.services.has(name))
  if (behind.length === 0) return []
  const names = [...new Set(behind)].sort().join(', ')
  return [`behind a profile, and running with Docker: ${names}: add profiles: […] to the stack`]
}

function* anonymousNotes(containers: readonly DockerContainer[]): Generator<string> {
  for (const { service, volumes } of containers) {
    for (const { name, path, target } of volumes) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue
      yield `${service} has data in a volume without a name, at ${target}: it is not taken over; it lies in ${path}`
    }
  }
}

/** The name that Compose makes of a folder's. */
function plainName(text: string): string {
  const plain = text.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '')
  return plain.replace(/^[_-]+/, '')
}
