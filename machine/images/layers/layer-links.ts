import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import { type LayerTree, pathOf } from './layer-tree.ts'

/** Further names for a file that a layer below has. */
export interface LowerLinks {
  /** Path of the file in the layers below. */
  readonly target: string
  /** Its further names; none where all of them were replaced. */
  readonly paths: readonly string[]
  /** The first name that it was given. */
  readonly asked: string
  /** True if the file is no longer to be seen at its own path. */
  readonly isHidden: boolean
}

/**
 * Hard links of a layer. One names what is at its target when its turn comes (as link(2) does): an
 * entry of the layer, or a file that only a layer below can have.
 */
export interface LayerLinks {
  /**
   * Takes a hard link at `path`. Returns the path of the layer's own file that it names, or null
   * where a layer below must have it. Throws `layer-refused`.
   */
  take(path: string, target: string): string | null
  /** Something else took the place of a path. */
  replaced(path: string): void
  /** Links to files of layers below. */
  settled(): readonly LowerLinks[]
}

/** The hard links of a layer, none so far. */
export function createLayerLinks(tree: LayerTree): LayerLinks {
  /** Names, by path, of files of layers below. */
  const links = new Map<string, string>()
  /** Those files, and the first name that each was given. */
  const asked = new Map<string, string>()
  return {
    take(path, text) {
      // What is at the path goes first, so nothing is found through it or in it.
      const target = pathOf(tree.placeOf(text, path))
      const known = tree.get(target)
      if (known?.kind === 'folder') {
        refuse(
          'layer-refused',
          `a hard link to a folder: ${shownPath(path)} to ${shownPath(target)}`,
        )
      }
      if (target === path || target.startsWith(`${path}/`)) refuseMissing(path, target)
      const further = links.get(target)
      if (known !== undefined && further === undefined) {
        tree.add(path, known)
        return target
      }
      if (further === undefined && tree.isHidden(target)) refuseMissing(path, target)
      tree.add(path, { kind: 'other', lower: further ?? target })
      links.set(path, further ?? target)
      if (further === undefined && !asked.has(target)) asked.set(target, path)
      return null
    },
    replaced: (path) => void links.delete(path),
    settled() {
      const groups = new Map([...asked.keys()].map((target) => [target, [] as string[]]))
      for (const [path, target] of links) groups.get(target)?.push(path)
      return [...groups].map(([target, paths]) => {
        const isHidden = tree.get(target) !== undefined || tree.isHidden(target)
        return { target, paths, isHidden, asked: asked.get(target) ?? '' }
      })
    },
  }
}

/** Refuses a hard link to what is not there. */
export function refuseMissing(path: string, target: string): never {
  const shown = `${shownPath(path)} to ${shownPath(target)}`
  refuse('layer-refused', `a hard link to a file that is not there: ${shown}`)
}
