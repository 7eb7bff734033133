import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import { folderOf } from './layer-paths.ts'
import type { LayerTree, Place } from './layer-tree.ts'

/**
 * Prefix that marks an entry of the layers below as removed (OCI image-spec layer.md,
 * Whiteouts).
 */
const prefix = '.wh.'
/** `.wh..wh.`: marks of AUFS, of which only the opaque one means anything to others. */
const specialPrefix = '.wh..wh.'
const opaqueName = '.wh..wh..opq'

/** Effect of a name on the layers below. */
export type Mark =
  | { readonly kind: 'none' }
  /** A mark of AUFS, which container tools pass over. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'whiteout'; readonly name: string }

/** Reads the name of an entry. Throws `layer-refused` for a mark that would remove `..`, say. */
export function markOf(place: Place): Mark {
  if (place.folder.startsWith(specialPrefix) || place.folder.includes(`/${specialPrefix}`)) {
    return { kind: 'ignored' }
  }
  if (place.folder.startsWith(prefix) || place.folder.includes(`/${prefix}`)) {
    refuse('layer-refused', `an entry below a whiteout: ${shownPath(place.folder)}`)
  }
  if (!place.name.startsWith(prefix)) return { kind: 'none' }
  if (place.name === opaqueName) return { kind: 'opaque' }
  if (place.name.startsWith(specialPrefix)) return { kind: 'ignored' }
  const name = place.name.slice(prefix.length)
  if (name === '' || name === '.' || name === '..') {
    refuse('layer-refused', `a whiteout of nothing: ${shownPath(`${place.folder}/${place.name}`)}`)
  }
  return { kind: 'whiteout', name }
}

/** The marks of a layer once all of it is known. */
export interface SettledMarks {
  /** Removed paths; whether the layers below have them is still to be seen. */
  readonly whiteouts: readonly string[]
  /** Folders that hide what layers below have in them, if they have such folders. */
  readonly opaque: readonly string[]
}

/**
 * Marks are about the layers below only, wherever they stand in the archive (layer.md: whiteout
 * files must only apply to resources in lower layers). So what is both removed and there again is a
 * replacement: a folder that hides the old one, or a file, which hides by itself. A mark in what is
 * hidden already, or was replaced by a file or a link, says nothing more.
 */
export function settleMarks(tree: LayerTree): SettledMarks {
  const opaque = new Set<string>()
  const whiteouts: string[] = []
  for (const path of tree.removed) {
    const node = tree.get(path)
    if (node?.kind === 'folder') opaque.add(path)
    if (node === undefined && !isCovered(path, tree)) whiteouts.push(path)
  }
  for (const path of tree.opaque) {
    const node = tree.get(path)
    const isGone = node === undefined && (tree.removed.has(path) || isCovered(path, tree))
    if (!isGone && (node === undefined || node.kind === 'folder')) opaque.add(path)
  }
  return { whiteouts, opaque: [...opaque] }
}

/** True if nothing of the layers below is to be seen in the folder of a path. */
function isCovered(path: string, tree: LayerTree): boolean {
  for (let at = path; at !== ''; ) {
    at = folderOf(at)
    const node = tree.get(at)
    if (node !== undefined && node.kind !== 'folder') return true
    if (tree.removed.has(at) || tree.opaque.has(at)) return true
  }
  return false
}
