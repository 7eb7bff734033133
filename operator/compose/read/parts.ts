import type { ProjectFiles } from '../load/files.ts'
import type { ComposeContent, ComposeNetwork, ComposeVolume, Text } from '../project.ts'
import { pathIn } from '../texts/paths.ts'
import type { Cursor } from './cursor.ts'
import { textMap } from './labels.ts'

interface External {
  readonly isExternal: boolean
  /** Name outside of the project, where the file gives one. */
  readonly name: string | undefined
}

/** `external: true` with `name`, or the old `external: {name: …}`. */
function readExternal(cursor: Cursor): External {
  const external = cursor.at('external')
  const isMap = external.tree?.kind === 'map'
  const name = cursor.at('name').text() ?? (isMap ? external.at('name').text() : undefined)
  return {
    isExternal: isMap || (external.boolean() ?? false),
    name: name === '' ? undefined : name,
  }
}

/** Networks of a project. */
export function readProjectNetworks(cursor: Cursor): Map<string, ComposeNetwork> {
  const networks = new Map<string, ComposeNetwork>()
  for (const [key, item] of cursor.members()) {
    const { isExternal, name } = readExternal(item)
    const driver = item.at('driver')
    const kind = driver.text() ?? ''
    if (kind === 'host' || kind === 'none' || (isExternal && /^(host|none)$/.test(name ?? key))) {
      driver.fault(
        `write "network_mode: ${kind === '' ? (name ?? key) : kind}" at the services instead`,
        'compose-refused',
      )
    } else if (!['', 'bridge', 'overlay', 'default'].includes(kind)) {
      driver.fault(
        `covey has no network of the kind ${driver.shown}: a service that must be in the network of its host has "network_mode: host"`,
        'compose-refused',
      )
    }
    networks.set(key, {
      key,
      sharedName: isExternal ? (name ?? key) : name,
      isInternal: item.at('internal').boolean() ?? false,
      place: item.place,
    })
  }
  return networks
}

/** Volumes of a project. */
export function readProjectVolumes(cursor: Cursor): Map<string, ComposeVolume> {
  const volumes = new Map<string, ComposeVolume>()
  for (const [key, item] of cursor.members()) {
    const { isExternal, name } = readExternal(item)
    const driver = item.at('driver')
    if (!['', 'local'].includes(driver.text() ?? '')) {
      driver.fault(
        `covey has no driver ${driver.shown}: use "local", with driver_opts for NFS and CIFS`,
        'compose-refused',
      )
    }
    volumes.set(key, {
      key,
      fixedName: isExternal ? (name ?? key) : name,
      isExternal,
      driverOptions: textMap(item.at('driver_opts')),
      place: item.place,
    })
  }
  return volumes
}

/** Configs or secrets of a project with their content; that of a secret is always sensitive. */
export async function readContents(
  cursor: Cursor,
  kind: 'configs' | 'secrets',
  files: ProjectFiles,
): Promise<Map<string, ComposeContent>> {
  const contents = new Map<string, ComposeContent>()
  for (const [key, item] of cursor.members()) {
    const { isExternal, name } = readExternal(item)
    const content = await readContent(item, isExternal, files)
    const isSensitive = kind === 'secrets' || content?.isSensitive === true
    const text = content === undefined ? undefined : { ...content, isSensitive }
    const externalName = isExternal ? (name ?? key) : undefined
    contents.set(key, { key, isExternal, externalName, content: text, place: item.place })
  }
  return contents
}

async function readContent(
  item: Cursor,
  isExternal: boolean,
  files: ProjectFiles,
): Promise<Text | undefined> {
  const ways = ['content', 'file', 'environment'].filter((key) => !item.at(key).isAbsent)
  if (isExternal) {
    if (ways.length > 0) item.fault(`is external, and has "${ways.join('", "')}" too`)
    return undefined
  }
  if (ways.length !== 1) return item.fault('has one of "file", "environment" and "content"')
  if (ways[0] === 'content') return item.at('content').rich()
  const named = item.at(ways[0] ?? '')
  const leaf = named.leaf()
  if (leaf === undefined) return undefined
  if (ways[0] === 'file') {
    const path = pathIn(leaf.home?.folder ?? '/', leaf.text)
    const value = await files.text(path, leaf.place)
    if (value === undefined) files.missing(path, leaf.place)
    return value === undefined ? undefined : { value, isSensitive: false, place: leaf.place }
  }
  const variable = leaf.home?.scope.get(leaf.text)
  if (variable === undefined)
    return named.fault(`the variable ${leaf.text} is not set`, 'compose-variable')
  return { value: variable.value, isSensitive: true, place: leaf.place }
}
