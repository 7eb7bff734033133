import type { TarEntry } from '../../../platform/tar/tar-entry.ts'
import { createTarReader } from '../../../platform/tar/tar-reader.ts'
import { archiveEnd, entryHeaders, padding } from '../../../platform/tar/tar-writer.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import {
  keptXattrs,
  linkHeaders,
  plainEntry,
  setGroupId,
  whiteoutHeaders,
} from '../layers/layer-transform.ts'
import { type Extraction, startExtraction } from './extraction.ts'
import type { LayerFolder } from './merged-view.ts'
import type { FixPlan } from './plan-fixes.ts'
import type { Sandbox } from './sandbox.ts'

/** The mark by which overlayfs hides what lower layers have in a folder (overlayfs.rst). */
const opaqueMark: readonly [string, string] = ['trusted.overlay.opaque', 'y']

/** True if there is anything to do. */
export function isEmptyPlan(plan: FixPlan): boolean {
  const { copies, fresh, opaque, whiteouts, links } = plan
  return copies.size + fresh.size + opaque.size + whiteouts.length + links.length === 0
}

/**
 * Carries out a plan in the tree of a layer. Everything that is written comes out of covey's own
 * hands or out of `tar --create` on a layer that is unpacked already.
 */
export async function applyFixes(sandbox: Sandbox, tree: string, plan: FixPlan): Promise<void> {
  const mayMarkOverlay = plan.opaque.size > 0
  const extraction = startExtraction(sandbox, tree, { mayMarkOverlay })
  const change = (entry: TarEntry): TarEntry => renamed(marked(entry, plan.opaque), plan.renames)
  try {
    for (const [layer, paths] of plan.copies) {
      await copyEntries(sandbox, { layer, paths, isTold: 'twice' }, change, extraction)
    }
    const fresh = [...plan.fresh].map(([path, group]) => folderHeaders(path, group, plan))
    await extraction.write([...fresh, ...fresh])
    await extraction.write(plan.whiteouts.map(whiteoutHeaders))
    await extraction.write(plan.links.map(({ path, target }) => linkHeaders(path, target)))
    await extraction.write([archiveEnd])
    await extraction.end()
  } catch (error) {
    extraction.abort()
    throw error
  }
}

function folderHeaders(path: string, group: number | null, plan: FixPlan): Buffer {
  const xattrs = new Map(plan.opaque.has(path) ? [opaqueMark] : [])
  const owned = group === null ? {} : { mode: plainEntry.mode | setGroupId, gid: group }
  return entryHeaders({ ...plainEntry, ...owned, path: path === '' ? './' : path, xattrs })
}

/**
 * An entry that `tar --create` read out of a layer, by its path in the image, and with the mark if
 * its folder is one of `opaque`: that program may not read the marks itself.
 */
export function marked(entry: TarEntry, opaque: ReadonlySet<string>): TarEntry {
  const path = entry.path.replace(/^\.\/?/, '').replace(/\/$/, '')
  const xattrs = new Map(keptXattrs(entry))
  if (opaque.has(path)) xattrs.set(...opaqueMark)
  return { ...entry, path: path === '' ? './' : path, xattrs }
}

/**
 * A file under its new name, and so a hard link to one that has a new name. The folder that took
 * its place may be copied as well, and stays where it is.
 */
function renamed(entry: TarEntry, renames: ReadonlyMap<string, string>): TarEntry {
  if (renames.size === 0 || entry.kind === 'folder') return entry
  const target = entry.kind === 'hardlink' ? entry.target.replace(/^\.\//, '') : entry.target
  const next = entry.kind === 'hardlink' ? (renames.get(target) ?? target) : target
  return { ...entry, path: renames.get(entry.path) ?? entry.path, target: next }
}

/** A read from a layer. */
interface Source {
  readonly layer: Pick<LayerFolder, 'tree'>
  readonly paths: readonly string[]
  /** True if what lies below the paths comes too. */
  readonly isDeep?: boolean
  /**
   * A folder that `tar` makes in one with the set-group-id bit has that bit too, whatever its mode;
   * one that it finds gets its mode. So folders are told twice where they are put into others.
   */
  readonly isTold?: 'once' | 'twice'
}

/** Reads entries out of a layer with `tar --create`, and hands them on as `change` makes them. */
export async function copyEntries(
  sandbox: Sandbox,
  { layer, paths, isDeep = false, isTold = 'once' }: Source,
  change: (entry: TarEntry) => TarEntry,
  extraction: Extraction,
): Promise<void> {
  const child = sandbox.start({
    target: layer.tree,
    access: 'read',
    mayMarkOverlay: false,
    command: ['tar', isDeep ? '--recursion' : '--no-recursion', ...createArguments],
  })
  const { stdin, stdout } = child.process
  const names = paths.map((path) => (path === '' ? '.' : `./${path}`))
  stdin.end(Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'))
  let out: Buffer[] = []
  let last: TarEntry | null = null
  let left = 0
  const reader = createTarReader({
    entry(entry) {
      const headers = entryHeaders(change(entry))
      out.push(headers)
      if (isTold === 'twice' && entry.kind === 'folder') out.push(headers)
      last = entry
      left = entry.dataBytes
    },
    data(part) {
      out.push(part)
      left -= part.length
      if (left === 0 && last !== null) out.push(padding(last.dataBytes))
    },
  })
  try {
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      reader.push(chunk)
      const parts = out
      out = []
      await extraction.write(parts)
    }
    reader.end()
    await child.during(child.ended)
  } catch (error) {
    child.kill()
    await child.ended.catch((reason) => {
      if (reason instanceof CoveyError) throw reason
    })
    throw error
  }
}

const createArguments: readonly string[] = [
  ...['--create', '--file=-', '--directory=/target', '--format=posix'],
  ...['--numeric-owner', '--xattrs', '--xattrs-include=*', '--sparse', '--no-acls'],
  ...['--null', '--verbatim-files-from', '--files-from=-', '--absolute-names'],
]
