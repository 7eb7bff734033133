import { folderOf } from './layer-paths.ts'
import type { LayerTree, Place } from './layer-tree.ts'
import { refuse, shownPath } from './refuse.ts'

/** What marks that something of the layers below is gone (OCI image-spec layer.md, Whiteouts). */
const prefix = '.wh.'
/** `.wh..wh.`: marks of AUFS, of which only the opaque one means anything to others. */
const specialPrefix = '.wh..wh.'
const opaqueName = '.wh..wh..opq'

/** What a name says about the layers below. */
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
  /** Removed paths whose folder the layer has: they are made at once. */
  readonly whiteouts: readonly string[]
  /** Removed paths whose folder only layers below can have. */
  readonly whiteoutsBelow: readonly string[]
  /** Folders that hide what layers below have in them. */
  readonly opaque: readonly string[]
  /** Whether nothing of the layers below is to be seen at this path. */
  hidesBelow(path: string): boolean
}

/**
 * Marks are about the layers below only, wherever they stand in the archive (layer.md: whiteout
 * files must only apply to resources in lower layers). So what is both removed and there again is a
 * replacement: a folder that hides the old one, or a file, which hides by itself.
 */
export function settleMarks(
  tree: LayerTree,
  removed: ReadonlySet<string>,
  opaqueFolders: ReadonlySet<string>,
): SettledMarks {
  const opaque = new Set(opaqueFolders)
  const whiteouts: string[] = []
  const whiteoutsBelow: string[] = []
  for (const path of removed) {
    const node = tree.get(path)
    if (node?.kind === 'folder') opaque.add(path)
    if (node !== undefined || isBelowRemoved(path, removed, tree)) continue
    if (tree.get(folderOf(path))?.kind === 'folder') whiteouts.push(path)
    else whiteoutsBelow.push(path)
  }
  const hidesBelow = (path: string): boolean => {
    if (removed.has(path)) return true
    for (let at = path; at !== ''; at = folderOf(at)) {
      if (opaque.has(folderOf(at)) || removed.has(folderOf(at))) return true
    }
    return false
  }
  return { whiteouts, whiteoutsBelow, opaque: [...opaque], hidesBelow }
}

/** What lies in a removed folder is gone with it. */
function isBelowRemoved(path: string, removed: ReadonlySet<string>, tree: LayerTree): boolean {
  for (let at = folderOf(path); at !== ''; at = folderOf(at)) {
    if (removed.has(at) && tree.get(at) === undefined) return true
  }
  return false
}
