import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type * as z from 'zod'
import { systemCode } from '../../../protocol/system-reason.ts'
import { createDisk, type Disk } from '../../files/disk.ts'
import { toolEnvironment, toolPath } from '../../tools.ts'
import { recordBytesMax } from '../limits.ts'
import { type Blobs, openBlobs } from './blobs.ts'
import { createDurability, type Durability } from './durability.ts'
import {
  hexOf,
  type ImageRecord,
  infoSchema,
  type LayerInfo,
  layerNames,
  recordSchema,
} from './records.ts'

/**
 * Images of this host, below one folder:
 *
 *   blobs/HEX        what registries store, by digest
 *   layers/HEX/      the tree of an unpacked layer, never written to
 *   info/HEX.json    what else is known of it
 *   images/HEX.json  an image that is whole, by the digest of its manifest
 *   work/            what is not whole yet, emptied at every start
 *   sandbox/         the root of what unpacks
 *
 * Invariants:
 *  1. Something gets its name only once it is whole and proven.
 *  2. A record is written after everything that it names is durable (`sync`), and removed, durably,
 *     before anything that it names is.
 *  3. At a start, a layer that no record names is not trusted: a power cut may have emptied its
 *     files. Blobs are proven whenever they are read.
 */
export interface Store {
  readonly folder: string
  readonly blobs: Blobs
  images(): readonly ImageRecord[]
  /** By the digest of its manifest or of an index above it. */
  find(digest: string): ImageRecord | null
  layer(name: string): LayerInfo | null
  /** Absolute path of a layer's tree. */
  tree(name: string): string
  /** Names of the layers whose trees are really there. */
  trees(): Promise<ReadonlySet<string>>
  readonly durability: Durability
  /** A folder of one's own, mode 0700. */
  workFolder(): Promise<string>
  /** Gives a tree its name; where that layer is there already, it stays as it is. */
  addLayer(name: string, info: LayerInfo, tree: string): Promise<void>
  /** Makes everything durable that the image names, then the record. */
  addImage(record: ImageRecord): Promise<void>
  /** As `addImage`, for the layers of a stored image with owners for user namespaces. */
  noteMapped(manifest: string): Promise<void>
  /** Notes when an image was last needed; does nothing where it is gone. */
  noteUse(manifest: string, usedMs: number): Promise<void>
  removeImage(manifest: string): Promise<void>
  removeLayer(name: string): Promise<void>
  /** Removes a folder of work with everything in it. */
  discard(path: string): Promise<void>
  /** Room that blobs and trees take, about. */
  bytes(): number
  /** Resolves when what earlier runs have left is gone. */
  readonly swept: Promise<void>
}

/** Dependencies of a store. */
export interface StoreInit {
  readonly folder: string
  /** True if a layer is in use though no record names it. */
  readonly isUsed: (layer: string) => boolean
  readonly onDamage: (message: string) => void
}

const run = promisify(execFile)

/** Opens the store, and empties it of what was not whole when its last agent ended. */
export async function openStore(init: StoreInit): Promise<Store> {
  for (const name of ['', 'blobs', 'layers', 'info', 'images', 'work']) {
    await mkdir(join(init.folder, name), { recursive: true, mode: 0o700 })
  }
  const disk = createDisk(init.folder)
  await disk.settle(['images', 'info'])
  const records = await readAll(disk, 'images', recordSchema, init.onDamage)
  const infos = await readAll(disk, 'info', infoSchema, init.onDamage)
  const blobs = await openBlobs(join(init.folder, 'blobs'), join(init.folder, 'work'))
  const store = new FolderStore(init.folder, disk, blobs, records, infos)
  await store.setAside(init.isUsed)
  return store
}

async function readAll<T>(
  disk: Disk,
  folder: string,
  schema: z.ZodType<T>,
  onDamage: (message: string) => void,
): Promise<Map<string, T>> {
  const found = new Map<string, T>()
  for (const name of await disk.list(folder)) {
    const hex = /^([0-9a-f]{64})\.json$/.exec(name)?.[1]
    if (hex === undefined) continue
    const bytes = await disk.read(`${folder}/${name}`)
    const parsed = schema.safeParse(jsonOf(bytes))
    if (parsed.success) found.set(hex, parsed.data)
    else {
      onDamage(`${folder}/${name} is damaged and left out`)
      await disk.remove(`${folder}/${name}`)
    }
  }
  return found
}

function jsonOf(bytes: Uint8Array | null): unknown {
  if (bytes === null || bytes.length > recordBytesMax) return null
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return null
  }
}

class FolderStore implements Store {
  readonly folder: string
  readonly blobs: Blobs
  readonly durability: Durability
  private readonly disk: Disk
  private readonly records: Map<string, ImageRecord>
  private readonly infos: Map<string, LayerInfo>
  swept: Promise<void> = Promise.resolve()
  private turn: Promise<unknown> = Promise.resolve()

  constructor(
    folder: string,
    disk: Disk,
    blobs: Blobs,
    records: Map<string, ImageRecord>,
    infos: Map<string, LayerInfo>,
  ) {
    this.folder = folder
    this.disk = disk
    this.blobs = blobs
    this.durability = createDurability(folder)
    this.records = records
    this.infos = infos
  }

  /** Invariant 3, and what a killed agent has left in `work`. */
  async setAside(isUsed: (layer: string) => boolean): Promise<void> {
    const work = join(this.folder, 'work')
    const leftovers = (await readdir(work)).map((name) => join(work, name))
    const trees = await this.trees()
    const named = new Set(this.images().flatMap(layerNames))
    for (const name of trees) {
      if (named.has(name) || isUsed(name)) continue
      leftovers.push(await this.aside(this.tree(name)))
    }
    for (const name of this.infos.keys()) {
      if (named.has(name) && trees.has(name)) continue
      this.infos.delete(name)
      await this.disk.remove(`info/${name}.json`)
    }
    this.swept = removeTrees(leftovers)
    this.swept.catch(() => undefined)
  }

  images(): readonly ImageRecord[] {
    return [...this.records.values()]
  }

  find(digest: string): ImageRecord | null {
    const record = this.records.get(hexOf(digest))
    return record ?? this.images().find(({ indexes }) => indexes.includes(digest)) ?? null
  }

  layer(name: string): LayerInfo | null {
    return this.infos.get(name) ?? null
  }

  tree(name: string): string {
    return join(this.folder, 'layers', name)
  }

  async trees(): Promise<ReadonlySet<string>> {
    return new Set(await readdir(join(this.folder, 'layers')))
  }

  workFolder(): Promise<string> {
    return mkdtemp(join(this.folder, 'work', 'w-'))
  }

  addLayer(name: string, info: LayerInfo, tree: string): Promise<void> {
    return this.inTurn(async () => {
      const isThere = await exists(this.tree(name))
      if (isThere && this.infos.has(name)) return
      // A tree without its information is not used; it only stands in the way.
      if (isThere) this.swept = removeTrees([await this.aside(this.tree(name))])
      // Not durable yet, as the tree is not: `addImage` makes both so before anything rests on
      // them.
      const path = join(this.folder, 'info', `${name}.json`)
      await writeFile(path, JSON.stringify(info), { mode: 0o600 })
      // Unless a record names it already: then it was lost, and is repaired here.
      if (this.images().some((record) => layerNames(record).includes(name))) {
        await this.durability.sync()
      }
      await rename(tree, this.tree(name))
      this.infos.set(name, info)
    })
  }

  async addImage(record: ImageRecord): Promise<void> {
    await this.durability.sync()
    await this.inTurn(() => this.writeRecord(record))
  }

  async noteMapped(manifest: string): Promise<void> {
    await this.durability.sync()
    await this.change(manifest, { isMapped: true })
  }

  noteUse(manifest: string, usedMs: number): Promise<void> {
    return this.change(manifest, { usedMs })
  }

  private change(manifest: string, change: Partial<ImageRecord>): Promise<void> {
    return this.inTurn(async () => {
      const record = this.records.get(hexOf(manifest))
      if (record !== undefined) await this.writeRecord({ ...record, ...change })
    })
  }

  removeImage(manifest: string): Promise<void> {
    return this.inTurn(async () => {
      this.records.delete(hexOf(manifest))
      await this.disk.remove(`images/${hexOf(manifest)}.json`)
    })
  }

  async removeLayer(name: string): Promise<void> {
    // At once, so that a pull which looks for it from now on makes it again.
    this.infos.delete(name)
    const gone = await this.inTurn(async () => {
      await this.disk.remove(`info/${name}.json`)
      return (await exists(this.tree(name))) ? await this.aside(this.tree(name)) : null
    })
    if (gone !== null) await removeTrees([gone])
  }

  private async writeRecord(record: ImageRecord): Promise<void> {
    const hex = hexOf(record.manifest)
    const content = JSON.stringify(record)
    await this.disk.replace([{ path: `images/${hex}.json`, content }])
    this.records.set(hex, record)
  }

  /** Changes of names happen one after the other. */
  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(change)
    this.turn = turn.catch(() => undefined)
    return turn
  }

  async discard(path: string): Promise<void> {
    await removeTrees([path])
  }

  bytes(): number {
    const trees = [...this.infos.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    return trees + this.blobs.bytes()
  }

  /** Takes a tree its name away, so that a half-removed one is never taken for whole. */
  private async aside(tree: string): Promise<string> {
    const path = join(this.folder, 'work', `gone-${randomBytes(8).toString('hex')}`)
    await rename(tree, path)
    return path
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** `rm` takes a tenth of the time that Node needs for a large tree, and none of the agent's. */
async function removeTrees(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await run(toolPath('rm'), ['-rf', '--one-file-system', '--', path], {
      env: { ...toolEnvironment },
    })
  }
}
