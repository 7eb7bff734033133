import { folderOf, joined, pathParts, resolveFolder } from './layer-paths.ts'
import { refuse, shownPath } from './refuse.ts'

/** What a path of a layer is, as far as the layer itself says. */
type Node =
  /** `isImplied`: the layer has something in it and no entry for the folder itself. */
  | { readonly kind: 'folder'; readonly isImplied: boolean }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'other' }

/** The place of an entry: where it goes once the links of its own layer are followed. */
export interface Place {
  /** Empty for the root. */
  readonly folder: string
  /** Empty for the root itself. */
  readonly name: string
}

/**
 * What a layer has told so far. It keeps every entry below folders that are folders: no entry is
 * ever unpacked through a symbolic link or below a file.
 */
export interface LayerTree {
  /** Where an entry with this path goes; nothing is made. Throws `layer-refused`. */
  placeOf(path: string): Place
  get(path: string): Node | undefined
  /** Records an entry, and the folders above it as implied ones. Throws `layer-refused`. */
  add(path: string, node: Node): void
  /** Folders without an entry of their own, the root included; those above before those below. */
  impliedFolders(): readonly string[]
}

/** An empty layer, above layers with these symbolic links (by path). */
export function createLayerTree(lowerLinks: ReadonlyMap<string, string>): LayerTree {
  const nodes = new Map<string, Node>([['', { kind: 'folder', isImplied: true }]])
  const targetOf = (path: string): string | undefined => {
    const node = nodes.get(path)
    if (node === undefined) return lowerLinks.get(path)
    return node.kind === 'symlink' ? node.target : undefined
  }
  const addFolders = (folder: string): void => {
    if (nodes.get(folder)?.kind === 'folder') return
    if (nodes.has(folder)) {
      refuse('layer-refused', `an entry below ${shownPath(folder)}, which is no folder`)
    }
    addFolders(folderOf(folder))
    nodes.set(folder, { kind: 'folder', isImplied: true })
  }
  return {
    placeOf(path) {
      const parts = pathParts(path)
      const name = parts.at(-1) ?? ''
      return { folder: resolveFolder(parts.slice(0, -1), targetOf), name }
    },
    get: (path) => nodes.get(path),
    add(path, node) {
      const known = nodes.get(path)
      if (known?.kind === 'folder' && node.kind !== 'folder') {
        refuse('layer-refused', `${shownPath(path)} is a folder, and then something else`)
      }
      if (path !== '') addFolders(folderOf(path))
      nodes.set(path, node)
    },
    impliedFolders() {
      const implied = [...nodes].flatMap(([path, node]) => {
        return node.kind === 'folder' && node.isImplied ? [path] : []
      })
      return implied.sort((a, b) => a.length - b.length)
    },
  }
}

/** Path of a place. */
export function pathOf(place: Place): string {
  return joined(place.folder, place.name)
}
