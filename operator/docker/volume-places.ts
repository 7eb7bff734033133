import type { ComposeProject } from '../compose/project.ts'
import type { RemoteShell } from '../ssh/remote-shell.ts'
import { dockerVolumes } from './docker-facts.ts'
import type { RemoteFolder } from './remote-files.ts'

/** Where the volumes of a project are on its host. */
export interface VolumePlaces {
  /** Folders of the host, by key. */
  readonly found: ReadonlyMap<string, string>
  /** Keys of those that are not there yet. */
  readonly empty: readonly string[]
  /** Keys of those whose driver keeps them elsewhere. */
  readonly elsewhere: readonly string[]
}

/** Where Docker keeps its volumes unless it was told otherwise. */
const dockerVolumesFolder = '/var/lib/docker/volumes'

/**
 * Finds the volumes of a project: by docker, and where that is not there by the folder that Docker
 * gives them. `project` is the name that their names begin with. Those with options of a driver are
 * left to their Compose file.
 */
export async function placedVolumes(
  shell: RemoteShell,
  folder: RemoteFolder,
  { volumes }: ComposeProject,
  project: string,
): Promise<VolumePlaces> {
  const named = [...volumes.values()].flatMap(({ key, fixedName, driverOptions }) => {
    const name = fixedName ?? `${project}_${key}`
    const isName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name)
    return driverOptions.size === 0 && isName ? [{ key, name }] : []
  })
  const names = named.map(({ name }) => name)
  const places = (await dockerVolumes(shell, names)) ?? (await volumesByPath(folder, names))
  const found = new Map<string, string>()
  const empty: string[] = []
  const elsewhere: string[] = []
  for (const { key, name } of named) {
    const volume = places.find((each) => each.name === name)
    if (volume === undefined) empty.push(key)
    else if (volume.path === undefined) elsewhere.push(key)
    else found.set(key, volume.path)
  }
  return { found, empty, elsewhere }
}

async function volumesByPath(
  folder: RemoteFolder,
  names: readonly string[],
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  const paths = names.map((name) => `${dockerVolumesFolder}/${name}/_data`)
  const found = await folder.look(paths)
  return names.flatMap((name, index) => {
    return found[index]?.kind === 'folder' ? [{ name, path: paths[index] ?? '' }] : []
  })
}
