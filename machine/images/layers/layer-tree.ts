import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import { folderOf, joined, pathParts, resolveFolder } from './layer-paths.ts'

/** Node at a path of a layer, as far as the layer itself says. */
type Node =
  | FolderNode
  | { readonly kind: 'symlink'; readonly target: string }
  /** `lower`: it is a further name for what the layers below have at that path. */
  | { readonly kind: 'other'; readonly lower?: string }

interface FolderNode {
  readonly kind: 'folder'
  /** The layer has something in it and no entry for the folder itself. */
  readonly isImplied: boolean
  /** Of a folder with the set-group-id bit: the group that folders in it are made with. */
  readonly group: number | null
}

/** The place of an entry: where it goes once the links of its own layer are followed. */
export interface Place {
  /** Empty for the root. */
  readonly folder: string
  /** Empty for the root itself. */
  readonly name: string
}

/**
 * State of a layer after each entry: each finds the image as the layers below and the
 * entries before it have left it, as for every container tool. No entry is ever unpacked through a
 * symbolic link or below a file.
 */
export interface LayerTree {
  /**
   * Where an entry with this path goes; nothing is made. Whatever is at `gone` counts as removed.
   * Throws `layer-refused`.
   */
  placeOf(path: string, gone?: string): Place
  get(path: string): Node | undefined
  /** Records an entry, and the folders above it as implied ones. Throws `layer-refused`. */
  add(path: string, node: Node): void
  /** A whiteout: what layers below have at the path is gone from now on. */
  remove(path: string): void
  /** An opaque mark: what layers below have in the folder is gone from now on. */
  hide(folder: string): void
  /** True if the entry of the layers below is gone by now: removed, or its folder replaced. */
  isHidden(path: string): boolean
  readonly removed: ReadonlySet<string>
  readonly opaque: ReadonlySet<string>
  /** Folders without an entry of their own, the root included; those above before those below. */
  impliedFolders(): readonly string[]
  /** Those of them that owe nothing to the layers below. */
  readonly fresh: ReadonlySet<string>
  /**
   * Groups that the folder above handed on to implied ones, by its entry; null for none. Absent
   * where that folder is an implied one itself.
   */
  readonly groups: ReadonlyMap<string, number | null>
  /** Paths that entries went through as if the layers below had no link there. */
  readonly passed: ReadonlySet<string>
  /** Folders that entries went into, and that layers below must not have as anything else. */
  readonly entered: ReadonlySet<string>
}

const rootNode: Node = { kind: 'folder', isImplied: true, group: null }

/** An empty layer, above layers with these symbolic links (by path). */
export function createLayerTree(lowerLinks: ReadonlyMap<string, string>): LayerTree {
  return new Tree(lowerLinks)
}

class Tree implements LayerTree {
  private readonly lowerLinks: ReadonlyMap<string, string>
  private readonly nodes = new Map<string, Node>([['', rootNode]])
  readonly removed = new Set<string>()
  readonly opaque = new Set<string>()
  readonly fresh = new Set<string>()
  readonly groups = new Map<string, number | null>()
  readonly passed = new Set<string>()
  readonly entered = new Set<string>()

  constructor(lowerLinks: ReadonlyMap<string, string>) {
    this.lowerLinks = lowerLinks
  }

  placeOf(path: string, gone?: string): Place {
    const parts = pathParts(path)
    const name = parts.at(-1) ?? ''
    const targetOf = (at: string): string | undefined => {
      return at === gone ? undefined : this.targetOf(at)
    }
    return { folder: resolveFolder(parts.slice(0, -1), targetOf), name }
  }

  get(path: string): Node | undefined {
    return this.nodes.get(path)
  }

  add(path: string, node: Node): void {
    const known = this.nodes.get(path)
    if (known?.kind === 'folder' && node.kind !== 'folder') {
      refuse('layer-refused', `${shownPath(path)} is a folder, and then something else`)
    }
    if (path !== '') this.addFolders(folderOf(path))
    // What took the place of a folder below has taken what was in it.
    if (known !== undefined && known.kind !== 'folder' && node.kind === 'folder') this.remove(path)
    this.nodes.set(path, node)
  }

  remove(path: string): void {
    this.removed.add(path)
  }

  hide(folder: string): void {
    this.opaque.add(folder)
  }

  isHidden(path: string): boolean {
    for (let at = path; at !== ''; at = folderOf(at)) {
      if (this.removed.has(at) || this.opaque.has(folderOf(at))) return true
      const above = this.nodes.get(folderOf(at))
      if (above !== undefined && above.kind !== 'folder') return true
    }
    return false
  }

  impliedFolders(): readonly string[] {
    const implied = [...this.nodes].flatMap(([path, node]) => {
      return node.kind === 'folder' && node.isImplied ? [path] : []
    })
    return implied.sort((a, b) => a.length - b.length)
  }

  private targetOf(path: string): string | undefined {
    const node = this.nodes.get(path)
    if (node?.kind === 'symlink') return node.target
    const below = node === undefined ? path : node.kind === 'other' ? node.lower : undefined
    if (below === undefined || (node === undefined && this.isHidden(path))) return undefined
    const target = this.lowerLinks.get(below)
    if (target === undefined) this.passed.add(below)
    return target
  }

  private addFolders(folder: string): void {
    const known = this.nodes.get(folder)
    if (known?.kind === 'folder') return
    if (known !== undefined) {
      refuse('layer-refused', `an entry below ${shownPath(folder)}, which is not a folder`)
    }
    const above = folderOf(folder)
    this.addFolders(above)
    // The kernel hands the set-group-id bit on to folders made in one that has it (mkdir(2)).
    const node = this.nodes.get(above)
    if (node?.kind === 'folder' && !node.isImplied) this.groups.set(folder, node.group)
    if (this.isHidden(folder)) this.fresh.add(folder)
    else this.entered.add(folder)
    this.nodes.set(folder, { kind: 'folder', isImplied: true, group: null })
  }
}

/** Path of a place. */
export function pathOf(place: Place): string {
  return joined(place.folder, place.name)
}
