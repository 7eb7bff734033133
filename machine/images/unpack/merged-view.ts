import type { Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { CoveyError } from '../../../protocol/fault.ts'
import { systemCode } from '../../../protocol/system-reason.ts'
import { resolveFolder } from '../layers/layer-paths.ts'
import { linkHopsMax } from '../limits.ts'

/** An unpacked layer. */
export interface LayerFolder {
  /** Absolute path of its tree. */
  readonly tree: string
  /** Folders (bytes, as latin1) that hide what lower layers have in them. */
  readonly opaque: ReadonlySet<string>
}

/** Entry at a path of an image: the layer that shows it, and its kind. */
export interface Seen {
  readonly layer: LayerFolder
  /** In the image, as bytes (latin1). */
  readonly path: string
  readonly stats: Stats
}

/**
 * Absolute path of something in a layer. Paths of images are bytes (latin1), and may be no UTF-8.
 */
export function inLayer(layer: LayerFolder, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${layer.tree}/`), Buffer.from(path, 'latin1')])
}

/**
 * Entry that an image shows at a path, as overlayfs would (kernel overlayfs.rst, Directories), the
 * highest of `layers` last. No link is followed: where a part of the path is no folder, that part
 * is what is found. Null where there is nothing.
 */
export async function lookThrough(
  layers: readonly LayerFolder[],
  path: string,
): Promise<Seen | null> {
  const parts = path === '' ? [] : path.split('/')
  for (const layer of [...layers].reverse()) {
    const found = await lookInLayer(layer, parts)
    if (found === 'gone') return null
    if (found !== 'below') return found
  }
  return null
}

async function lookInLayer(
  layer: LayerFolder,
  parts: readonly string[],
): Promise<Seen | 'below' | 'gone'> {
  let isOpaque = false
  for (let count = 0; count <= parts.length; count++) {
    const path = parts.slice(0, count).join('/')
    const stats = await statsOf(inLayer(layer, path))
    if (stats === null) break
    if (stats.isCharacterDevice() && stats.rdev === 0) return 'gone'
    if (!stats.isDirectory() || count === parts.length) return { layer, path, stats }
    if (layer.opaque.has(path)) isOpaque = true
  }
  return isOpaque ? 'gone' : 'below'
}

async function statsOf(path: Buffer): Promise<Stats | null> {
  try {
    return await lstat(path)
  } catch (error) {
    // A link may lead to a name that is longer than any can be.
    if (['ENOENT', 'ENAMETOOLONG'].includes(systemCode(error))) return null
    throw error
  }
}

/**
 * The same with links followed as from inside the image, none of which leads out of it. Null for
 * nothing, and for a circle of links.
 */
export async function followThrough(
  layers: readonly LayerFolder[],
  path: string,
): Promise<Seen | null> {
  const links = new Map<string, string>()
  for (let hops = 0; hops <= linkHopsMax; hops++) {
    const at = resolvedBy(links, path)
    const seen = at === null ? null : await lookThrough(layers, at)
    if (seen === null) return null
    if (!seen.stats.isSymbolicLink()) return seen.path === at ? seen : null
    const target = await readlink(inLayer(seen.layer, seen.path), { encoding: 'latin1' })
    links.set(seen.path, target)
  }
  return null
}

function resolvedBy(links: ReadonlyMap<string, string>, path: string): string | null {
  try {
    return resolveFolder(path.split('/'), (link) => links.get(link))
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'layer-refused') return null
    throw error
  }
}
