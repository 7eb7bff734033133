import { dirname, join } from 'node:path/posix'
import { composeDepthMax } from '../../limits.ts'
import type { Place } from '../project.ts'
import { pathIn } from '../texts/paths.ts'
import { parseEnvFile } from '../variables/env-file.ts'
import type { Scope } from '../variables/scope.ts'
import {
  type Entry,
  type Home,
  isNothing,
  type Leaf,
  type Mapping,
  mapOf,
  memberOf,
  type Tree,
} from '../yaml/tree.ts'
import { type Loading, loadFiles } from './load.ts'
import { mergeTrees, settle } from './merge.ts'
import { isRemote } from './remote.ts'

const sections = ['services', 'networks', 'volumes', 'configs', 'secrets', 'models'] as const

/**
 * Brings in what `include` names; what the including file says of the same is merged over it.
 * `chain` is the files that lead here, this one last.
 */
export async function applyIncludes(
  loading: Loading,
  document: Mapping,
  home: Home,
  chain: readonly string[],
): Promise<Mapping> {
  const include = memberOf(document, 'include')
  if (include === undefined) return document
  const entries = new Map(document.entries)
  entries.delete('include')
  let made: Mapping = mapOf(document.place, entries, document.mark)
  if (isNothing(include)) return made
  if (include.kind !== 'list') {
    fault(loading, include.place, 'must be a list of files', 'include')
    return made
  }
  for (const [index, item] of include.items.entries()) {
    const imported = await includeOne(loading, item, home, chain, `include.${index}`)
    if (imported !== undefined) made = bringIn(made, imported, loading)
  }
  return made
}

function bringIn(document: Mapping, imported: Mapping, { report }: Loading): Mapping {
  const entries = new Map(document.entries)
  for (const section of sections) {
    const from = imported.entries.get(section)
    if (from?.value.kind !== 'map') continue
    const to = entries.get(section)
    const both = to === undefined ? from.value : mergeTrees(from.value, to.value, [section], report)
    const entry: Entry = { keyPlace: to?.keyPlace ?? from.keyPlace, value: both }
    entries.set(section, entry)
  }
  return mapOf(document.place, entries, document.mark)
}

async function includeOne(
  loading: Loading,
  item: Tree,
  home: Home,
  chain: readonly string[],
  path: string,
): Promise<Mapping | undefined> {
  const named = item.kind === 'map' ? memberOf(item, 'path') : item
  const leaves = leavesOf(named)
  const [first] = leaves ?? []
  if (leaves === undefined || first === undefined) {
    fault(loading, item.place, 'must be a file, or a map with "path"', path)
    return undefined
  }
  const remote = leaves.find(({ text }) => isRemote(text))
  if (remote !== undefined) {
    const message = 'covey reads files of this machine only: copy it here, and name the copy'
    loading.report.fault(remote.place, { code: 'compose-refused', message, path })
    return undefined
  }
  const paths = leaves.map(({ text }) => pathIn(home.folder, text))
  const [main = ''] = paths
  if (chain.includes(main) || chain.length > composeDepthMax) {
    const round = [...chain.slice(Math.max(0, chain.indexOf(main))), main].join(', which includes ')
    const message = `includes itself: ${round}`
    loading.report.fault(first.place, { code: 'compose-loop', message, path })
    return undefined
  }
  const folder = projectFolder(loading, item, home, main, path)
  const scope = await scopeOf(loading, item, { folder, scope: home.scope }, home, path)
  const set = { paths, home: { folder, scope }, place: first.place }
  return settle(await loadFiles(loading, set, chain))
}

function projectFolder(
  loading: Loading,
  item: Tree,
  home: Home,
  main: string,
  path: string,
): string {
  const written = memberOf(item, 'project_directory')
  if (written === undefined || isNothing(written)) return dirname(main)
  if (written.kind === 'leaf') return pathIn(home.folder, written.text)
  fault(loading, written.place, 'must be one path', `${path}.project_directory`)
  return dirname(main)
}

/** The variables of the including project win over the env files of the included one. */
async function scopeOf(
  loading: Loading,
  item: Tree,
  own: Home,
  home: Home,
  path: string,
): Promise<Scope> {
  const written = memberOf(item, 'env_file')
  const isOwn = written === undefined || isNothing(written)
  const leaves = isOwn ? [] : leavesOf(written)
  if (leaves === undefined) {
    fault(
      loading,
      written?.place ?? item.place,
      'must be a path or a list of paths',
      `${path}.env_file`,
    )
  }
  const files = isOwn
    ? [{ file: join(own.folder, '.env'), place: item.place }]
    : (leaves ?? []).map((leaf) => ({ file: pathIn(home.folder, leaf.text), place: leaf.place }))
  let found: Scope = new Map()
  for (const { file, place } of files) {
    if (file === '/dev/null') continue
    const text = await loading.files.text(file, place)
    if (text === undefined && !isOwn) loading.files.missing(file, place)
    if (text === undefined) continue
    const options = { scope: home.scope, earlier: found, format: 'dotenv' } as const
    found = new Map([...found, ...parseEnvFile(file, text, options, loading.report)])
  }
  return new Map([...found, ...home.scope])
}

function leavesOf(tree: Tree | undefined): readonly Leaf[] | undefined {
  if (tree?.kind === 'leaf') return tree.text === '' ? undefined : [tree]
  if (tree?.kind !== 'list') return undefined
  const leaves = tree.items.flatMap((item) =>
    item.kind === 'leaf' && item.text !== '' ? [item] : [],
  )
  return leaves.length === tree.items.length ? leaves : undefined
}

function fault(loading: Loading, place: Place, message: string, path: string): void {
  loading.report.fault(place, { code: 'compose-value', message, path })
}
