import { dirname } from 'node:path/posix'
import { composeNodesMax } from '../../limits.ts'
import type { Place } from '../project.ts'
import type { Report } from '../report.ts'
import { type Home, type Mapping, mapOf } from '../yaml/tree.ts'
import { applyExtends } from './extends.ts'
import type { ProjectFiles } from './files.ts'
import { applyIncludes } from './include.ts'
import { interpolate } from './interpolate.ts'
import { mergeTrees } from './merge.ts'
import { normalise } from './normalise.ts'

/** The context of loading. */
export interface Loading {
  readonly files: ProjectFiles
  readonly report: Report
}

/** Files that are one: the first, and those merged over it. */
export interface FileSet {
  readonly paths: readonly string[]
  readonly home: Home
  /** The place that names the files. */
  readonly place: Place
}

/**
 * Loads files one over the other, in Compose's order: variables, `include`, `extends`, merging.
 * `chain` is the files that lead here by `include`.
 */
export async function loadFiles(
  loading: Loading,
  { paths, home, place }: FileSet,
  chain: readonly string[],
): Promise<Mapping> {
  let merged: Mapping = mapOf(place, new Map())
  for (const path of paths) {
    for (const document of await loadDocuments(loading, path, home, place)) {
      const included = await applyIncludes(loading, document, home, [...chain, path])
      const extended = await applyExtends(loading, included, path)
      const made = mergeTrees(merged, extended, [], loading.report)
      if (made.kind === 'map') merged = bounded(made, loading.report)
    }
  }
  return merged
}

/** Bounds the tree: include, extends and merging may make too much of small files. */
function bounded(tree: Mapping, report: Report): Mapping {
  if (tree.size <= composeNodesMax) return tree
  const message = `a project has at most ${composeNodesMax} values, with what it extends and repeats`
  report.fault(tree.place, { code: 'compose-too-large', message })
  return mapOf(tree.place, new Map())
}

/** The services of a file that `extends` names; without its own `include` and `extends` done. */
export async function loadBases(
  loading: Loading,
  path: string,
  home: Home,
  place: Place,
): Promise<Mapping> {
  let merged: Mapping = mapOf(place, new Map())
  const own = { folder: dirname(path), scope: home.scope }
  for (const document of await loadDocuments(loading, path, own, place)) {
    const made = mergeTrees(merged, document, [], loading.report)
    if (made.kind === 'map') merged = made
  }
  return merged
}

async function loadDocuments(
  { files, report }: Loading,
  path: string,
  home: Home,
  place: Place,
): Promise<readonly Mapping[]> {
  const documents = await files.trees(path, place)
  return documents.map((document) => {
    const made = interpolate(document, home, report)
    return made.kind === 'map' ? normalise(made, report) : document
  })
}
