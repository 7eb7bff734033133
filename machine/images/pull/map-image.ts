import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import { type ImageRecord, mappedName } from '../store/records.ts'
import { inWordsOfRoom, type Share } from '../store/room.ts'
import type { Store } from '../store/store.ts'
import { mapTree } from '../unpack/map-tree.ts'
import type { Sandbox } from '../unpack/sandbox.ts'
import type { PullPlace } from './pull-image.ts'

const mappedMark = ' for user namespaces'

/** Name of the job that maps the owners of an image for user namespaces. */
export function mappedKey(reference: string): string {
  return `${reference}${mappedMark}`
}

/** The reference in what a job is called. */
export function plainKey(key: string): string {
  return key.endsWith(mappedMark) ? key.slice(0, -mappedMark.length) : key
}

/**
 * Makes the layers of an image that is whole once more, with owners for user namespaces; at last
 * all of it durable, and noted in its record. What is there already, even of another image, stays.
 * Rejects with a `CoveyError` or the signal's reason.
 */
export async function mapImage(
  { store, room, pins }: PullPlace,
  sandbox: Sandbox,
  record: ImageRecord,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const names = [...new Set(record.layers.map(({ name }) => name))]
  const release = pins.pin(new Set([record.manifest, ...names, ...names.map(mappedName)]))
  const share = room.open()
  try {
    for (const name of names) await mapLayer(store, sandbox, name, share, signal)
    await store.noteMapped(record.manifest)
    return store.find(record.manifest) ?? record
  } catch (error) {
    throw await inWordsOfRoom(error, store.folder)
  } finally {
    share.close()
    release()
  }
}

async function mapLayer(
  store: Store,
  sandbox: Sandbox,
  name: string,
  share: Share,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const mapped = mappedName(name)
  const trees = await store.trees()
  if (trees.has(mapped) && store.layer(mapped) !== null) return
  const info = store.layer(name)
  if (info === null)
    throw new CoveyError('image-absent', 'a layer of the image was removed meanwhile')
  await share.take(info.bytes)
  const work = await store.workFolder()
  const tree = join(work, 'tree')
  try {
    await mkdir(tree)
    await chmod(tree, 0o755)
    await mapTree(sandbox, { tree: store.tree(name), opaque: new Set(info.opaque) }, tree, signal)
    store.durability.wrote(info.bytes)
    await store.addLayer(mapped, info, tree)
  } finally {
    await store.discard(work)
  }
}
