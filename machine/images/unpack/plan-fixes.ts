import { readdir, readlink } from 'node:fs/promises'
import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import { type LowerLinks, refuseMissing } from '../layers/layer-links.ts'
import { folderOf } from '../layers/layer-paths.ts'
import { type LayerFixes, setGroupId } from '../layers/layer-transform.ts'
import { inLayer, type LayerFolder, lookThrough } from './merged-view.ts'

/** Copies that are still to be made in an unpacked layer. */
export interface FixPlan {
  /** Paths whose entry is copied from another layer: folders without content, and files. */
  readonly copies: ReadonlyMap<LayerFolder, readonly string[]>
  /** Folders that get covey's own defaults, and the group of those that hand theirs on. */
  readonly fresh: ReadonlyMap<string, number | null>
  readonly opaque: ReadonlySet<string>
  readonly whiteouts: readonly string[]
  readonly links: readonly { readonly path: string; readonly target: string }[]
  /** Copies that get another path, by the one that they are copied from. */
  readonly renames: ReadonlyMap<string, string>
}

/** The outcome of planning. */
export type Planned =
  | { readonly kind: 'plan'; readonly plan: FixPlan; readonly dependsOnLower: boolean }
  /**
   * Folders that the layer writes into are links in the layers below; the layer must be unpacked
   * again with them known. By path, with what the links say.
   */
  | { readonly kind: 'links'; readonly links: ReadonlyMap<string, string> }

/**
 * Works out what a layer needs of the layers below it (`lower`, the lowest first). It reads them
 * and changes nothing. Throws `layer-refused` for a hard link to what is not there.
 */
export async function planFixes(
  own: LayerFolder,
  lower: readonly LayerFolder[],
  fixes: LayerFixes,
): Promise<Planned> {
  const planner = new Planner(own, lower, fixes)
  await planner.run()
  if (planner.symlinks.size > 0) return { kind: 'links', links: planner.symlinks }
  return { kind: 'plan', plan: planner.plan(), dependsOnLower: planner.dependsOnLower }
}

class Planner {
  private readonly own: LayerFolder
  private readonly lower: readonly LayerFolder[]
  private readonly fixes: LayerFixes
  private readonly implied: ReadonlySet<string>
  private readonly copies = new Map<LayerFolder, Set<string>>()
  private readonly fresh = new Map<string, number | null>()
  private readonly opaque = new Set<string>()
  private readonly whiteouts: string[] = []
  private readonly links: { readonly path: string; readonly target: string }[] = []
  private readonly renames = new Map<string, string>()
  readonly symlinks = new Map<string, string>()
  dependsOnLower = false

  constructor(own: LayerFolder, lower: readonly LayerFolder[], fixes: LayerFixes) {
    this.own = own
    this.lower = lower
    this.fixes = fixes
    this.implied = new Set(fixes.impliedFolders)
  }

  async run(): Promise<void> {
    const { fixes } = this
    for (const path of fixes.passed) await this.passThrough(path)
    if (this.symlinks.size > 0) return
    for (const path of fixes.entered) await this.enter(path)
    for (const path of fixes.impliedFolders) await this.folder(path)
    for (const path of fixes.opaque) await this.hide(path)
    for (const path of fixes.whiteouts) await this.whiteout(path)
    for (const link of fixes.links) await this.link(link)
    if (fixes.isRootImplied) await this.root()
  }

  plan(): FixPlan {
    // What is copied from the layer itself is read before anything in it changes.
    const layers = [this.own, ...this.lower].filter((layer) => this.copies.has(layer))
    const copies = new Map(layers.map((layer) => [layer, [...(this.copies.get(layer) ?? [])]]))
    const { fresh, opaque, whiteouts, links, renames } = this
    return { copies, fresh, opaque, whiteouts, links, renames }
  }

  private copy(layer: LayerFolder, path: string): void {
    const paths = this.copies.get(layer) ?? new Set()
    this.copies.set(layer, paths.add(path))
  }

  /** Notes a link of the layers below where the layer was read as if they had none. */
  private async passThrough(path: string): Promise<void> {
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, path)
    if (seen?.path !== path || !seen.stats.isSymbolicLink()) return
    const target = await readlink(inLayer(seen.layer, seen.path), { encoding: 'latin1' })
    this.symlinks.set(path, target)
  }

  /** Refuses an entry below a path that is not a folder in the layers below. */
  private async enter(path: string): Promise<void> {
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, path)
    if (seen === null || seen.stats.isDirectory()) return
    const shown = shownPath(seen.path)
    refuse('layer-refused', `an entry below ${shown}, which is not a folder in the layers below it`)
  }

  /** A folder that the layer itself does not describe, or must be described again. */
  private async folder(path: string): Promise<void> {
    if (this.fixes.freshFolders.has(path) && this.implied.has(path)) {
      this.fresh.set(path, await this.groupOf(path))
      return
    }
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, path)
    if (seen?.path === path && seen.stats.isDirectory()) this.copy(seen.layer, path)
    else this.fresh.set(path, await this.groupOf(path))
  }

  /** The group that a folder which is made again has from the one above; null for the usual one. */
  private async groupOf(path: string): Promise<number | null> {
    const said = this.fixes.groups.get(path)
    if (said !== undefined || path === '') return said ?? null
    const above = folderOf(path)
    const seen = this.fixes.freshFolders.has(above) ? null : await lookThrough(this.lower, above)
    if (seen?.path !== above || !seen.stats.isDirectory()) return await this.groupOf(above)
    return (seen.stats.mode & setGroupId) === 0 ? null : seen.stats.gid
  }

  /** Describes the folders above a path that is about to be made in the layer. */
  private async foldersAbove(path: string): Promise<void> {
    for (let at = folderOf(path); at !== ''; at = folderOf(at)) {
      if (this.implied.has(at)) continue
      const own = await lookThrough([this.own], at)
      if (own?.path === at && own.stats.isDirectory()) this.copy(this.own, at)
      else await this.folder(at)
    }
    // Its time would be that of the change.
    if (!this.fixes.isRootImplied) this.copy(this.own, '')
  }

  /** Overlayfs looks for no such mark on the root of a layer, so each thing in it is hidden. */
  private async hideRoot(): Promise<void> {
    this.dependsOnLower = true
    const names = new Set<string>()
    for (const { tree } of this.lower) {
      for (const name of await readdir(tree, { encoding: 'latin1' })) names.add(name)
    }
    for (const name of names) {
      const own = await lookThrough([this.own], name)
      if (own?.stats.isDirectory()) await this.hide(name)
      else if (own === null) await this.whiteout(name)
    }
  }

  private async hide(path: string): Promise<void> {
    if (path === '') return await this.hideRoot()
    const own = await lookThrough([this.own], path)
    const hasOwn = own !== null && own.path === path && own.stats.isDirectory()
    if (hasOwn) {
      if (!this.implied.has(path)) this.copy(this.own, path)
      this.opaque.add(path)
      return
    }
    // A folder of which the layer only says that it is empty now.
    const seen = await lookThrough(this.lower, path)
    this.dependsOnLower = true
    if (seen?.path !== path || !seen.stats.isDirectory()) return
    await this.folder(path)
    await this.foldersAbove(path)
    this.opaque.add(path)
  }

  /** A mark where there is nothing to remove would be listed in its folder (overlayfs.rst). */
  private async whiteout(path: string): Promise<void> {
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, path)
    if (seen?.path !== path) return
    await this.foldersAbove(path)
    this.whiteouts.push(path)
  }

  private async link({ target, paths, isHidden, asked }: LowerLinks): Promise<void> {
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, target)
    const [first = '', ...further] = paths
    if (seen?.path !== target || seen.stats.isDirectory()) refuseMissing(asked, target)
    if (paths.length === 0) return
    this.copy(seen.layer, target)
    // What is gone from its own path is copied to the first of its new names.
    if (isHidden) this.renames.set(target, first)
    else await this.foldersAbove(target)
    for (const path of paths) await this.foldersAbove(path)
    const names = isHidden ? further : paths
    this.links.push(...names.map((path) => ({ path, target: isHidden ? first : target })))
  }

  /** The root shows the attributes of the highest layer too; nearly always they are as made. */
  private async root(): Promise<void> {
    const seen = await lookThrough(this.lower, '')
    const isUsual =
      seen === null ||
      ((seen.stats.mode & 0o7777) === 0o755 && seen.stats.uid === 0 && seen.stats.gid === 0)
    if (isUsual) return
    this.dependsOnLower = true
    this.copy(seen.layer, '')
  }
}
