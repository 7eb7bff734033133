import { readlink } from 'node:fs/promises'
import { folderOf } from '../layers/layer-paths.ts'
import type { LayerFixes } from '../layers/layer-transform.ts'
import { refuse, shownPath } from '../layers/refuse.ts'
import { inLayer, type LayerFolder, lookThrough } from './merged-view.ts'

/** What is still to be done in an unpacked layer, in terms of what to copy from where. */
export interface FixPlan {
  /** Paths whose entry is copied from another layer: folders without content, and files. */
  readonly copies: ReadonlyMap<LayerFolder, readonly string[]>
  /** Folders that get covey's own defaults. */
  readonly fresh: readonly string[]
  readonly opaque: ReadonlySet<string>
  readonly whiteouts: readonly string[]
  readonly links: readonly { readonly path: string; readonly target: string }[]
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
  private readonly fresh = new Set<string>()
  private readonly opaque = new Set<string>()
  private readonly whiteouts: string[] = []
  private readonly links: { readonly path: string; readonly target: string }[] = []
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
    const { opaque, whiteouts, links } = this
    return { copies, fresh: [...this.fresh], opaque, whiteouts, links }
  }

  private copy(layer: LayerFolder, path: string): void {
    const paths = this.copies.get(layer) ?? new Set()
    this.copies.set(layer, paths.add(path))
  }

  /** A folder that the layer itself does not describe, or must be described again. */
  private async folder(path: string): Promise<boolean> {
    if (this.fixes.freshFolders.has(path) && this.implied.has(path)) {
      this.fresh.add(path)
      return true
    }
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, path)
    if (seen?.stats.isSymbolicLink()) {
      const target = await readlink(inLayer(seen.layer, seen.path), { encoding: 'latin1' })
      this.symlinks.set(seen.path, target)
      return false
    }
    const isFolder = seen !== null && seen.path === path && seen.stats.isDirectory()
    if (isFolder) this.copy(seen.layer, path)
    else this.fresh.add(path)
    return isFolder
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

  private async hide(path: string): Promise<void> {
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

  private async whiteout(path: string): Promise<void> {
    this.dependsOnLower = true
    const folder = folderOf(path)
    const seen = await lookThrough(this.lower, folder)
    if (seen?.stats.isSymbolicLink()) await this.folder(folder)
    // Removing something from a folder that is not there must not make the folder.
    if (seen?.path !== folder || !seen.stats.isDirectory()) return
    await this.foldersAbove(path)
    this.whiteouts.push(path)
  }

  private async link(link: { readonly path: string; readonly target: string }): Promise<void> {
    this.dependsOnLower = true
    const seen = await lookThrough(this.lower, link.target)
    const isThere = seen?.path === link.target
    if (seen !== null && !isThere && seen.stats.isSymbolicLink()) {
      await this.folder(folderOf(link.target))
      return
    }
    if (!isThere || seen.stats.isDirectory()) {
      const shown = `${shownPath(link.path)} to ${shownPath(link.target)}`
      refuse('layer-refused', `a hard link to a file that is not there: ${shown}`)
    }
    this.copy(seen.layer, link.target)
    await this.foldersAbove(link.target)
    await this.foldersAbove(link.path)
    this.links.push(link)
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
