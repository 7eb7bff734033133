import { chmod, mkdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import type { LayerSummary } from '../layers/layer-transform.ts'
import { layersAtOnceMax, linkHopsMax } from '../limits.ts'
import type { Room, Share } from '../store/room.ts'
import type { Store } from '../store/store.ts'
import { applyFixes, isEmptyPlan } from '../unpack/apply-fixes.ts'
import type { LayerFolder } from '../unpack/merged-view.ts'
import { planFixes } from '../unpack/plan-fixes.ts'
import type { Sandbox } from '../unpack/sandbox.ts'
import type { Unpackers } from '../unpack/unpackers.ts'
import { createFlights, type Flights } from './flights.ts'
import { createSlots, type Slots } from './slots.ts'
import type { ImageSource } from './source.ts'
import type { WantedLayer } from './wanted.ts'

/** Layers of this host: each is downloaded and unpacked once, however many images want it. */
export interface Layers {
  /**
   * Sees to it that the last of `wanted` is there, those below it too, and resolves to the name of
   * its folder.
   */
  obtain(wanted: readonly WantedLayer[], source: ImageSource, signal: AbortSignal): Promise<string>
  /** The name of a layer that is there whole, or null. */
  nameOf(layer: WantedLayer): Promise<string | null>
  /** Bytes of a layer under way that have come. */
  bytesOf(layer: WantedLayer): number
  /** Resolves when nothing is under way, not even what is ending. */
  idle(): Promise<void>
}

/** Dependencies of layers. */
export interface LayersInit {
  readonly store: Store
  readonly room: Room
  readonly sandbox: Sandbox
  readonly unpackers: Unpackers
}

/** See `Layers`. */
export function createLayers(init: LayersInit): Layers {
  return new StoreLayers(init)
}

/** A layer that was unpacked, and is not part of the store yet. */
interface Unpacked {
  readonly work: string
  readonly tree: string
  readonly summary: LayerSummary
}

class StoreLayers implements Layers {
  private readonly store: Store
  private readonly room: Room
  private readonly sandbox: Sandbox
  private readonly unpackers: Unpackers
  private readonly flights: Flights<string> = createFlights()
  private readonly slots: Slots = createSlots(layersAtOnceMax)
  private readonly progress = new Map<string, number>()

  constructor(init: LayersInit) {
    this.store = init.store
    this.room = init.room
    this.sandbox = init.sandbox
    this.unpackers = init.unpackers
  }

  bytesOf(layer: WantedLayer): number {
    return this.progress.get(layer.chainId) ?? 0
  }

  idle(): Promise<void> {
    return this.flights.idle()
  }

  async nameOf(layer: WantedLayer): Promise<string | null> {
    const trees = await this.store.trees()
    const names = [layer.ownName, layer.chainName]
    return names.find((name) => trees.has(name) && this.store.layer(name) !== null) ?? null
  }

  async obtain(
    wanted: readonly WantedLayer[],
    source: ImageSource,
    signal: AbortSignal,
  ): Promise<string> {
    const layer = wanted.at(-1)
    if (layer === undefined) throw new Error('an image has at least one layer')
    const known = await this.nameOf(layer)
    if (known !== null) return known
    return await this.flights.join(layer.chainId, signal, async (flightSignal) => {
      const share = this.room.open()
      const below = this.below(wanted.slice(0, -1), source, flightSignal)
      below.catch(() => undefined)
      try {
        return await this.make(layer, below, source, share, flightSignal)
      } finally {
        share.close()
        this.progress.delete(layer.chainId)
      }
    })
  }

  /** The layers below, as folders, the lowest first. */
  private async below(
    wanted: readonly WantedLayer[],
    source: ImageSource,
    signal: AbortSignal,
  ): Promise<readonly LayerFolder[]> {
    const names = await Promise.all(
      wanted.map((_, index) => this.obtain(wanted.slice(0, index + 1), source, signal)),
    )
    return names.map((name) => ({
      tree: this.store.tree(name),
      opaque: new Set(this.store.layer(name)?.opaque),
    }))
  }

  private async make(
    layer: WantedLayer,
    below: Promise<readonly LayerFolder[]>,
    source: ImageSource,
    share: Share,
    signal: AbortSignal,
  ): Promise<string> {
    let links: ReadonlyMap<string, string> = new Map()
    for (let round = 0; round <= linkHopsMax; round++) {
      const unpacked = await this.slots.within(signal, () => {
        return this.unpack(layer, links, source, share, signal)
      })
      try {
        const lower = await below
        signal.throwIfAborted()
        const { tree, summary } = unpacked
        const own = { tree, opaque: new Set(summary.fixes.opaque) }
        const planned = await planFixes(own, lower, summary.fixes)
        if (planned.kind === 'links') {
          links = new Map([...links, ...planned.links])
          continue
        }
        if (!isEmptyPlan(planned.plan)) await applyFixes(this.sandbox, tree, planned.plan)
        if (summary.fixes.isRootImplied) await takeRootTime(tree, lower.at(-1)?.tree)
        const dependsOnLower = planned.dependsOnLower || links.size > 0
        const name = dependsOnLower ? layer.chainName : layer.ownName
        const { entries, bytes } = summary
        const opaque = [...planned.plan.opaque]
        await this.store.addLayer(name, { diffId: layer.diffId, entries, bytes, opaque }, tree)
        return name
      } finally {
        await this.store.discard(unpacked.work)
      }
    }
    throw new CoveyError('layer-refused', 'the folders of a layer are links to links without end')
  }

  private async unpack(
    layer: WantedLayer,
    lowerLinks: ReadonlyMap<string, string>,
    source: ImageSource,
    share: Share,
    signal: AbortSignal,
  ): Promise<Unpacked> {
    const { digest, sizeBytes } = layer.descriptor
    if (this.store.blobs.size(digest) === sizeBytes) {
      try {
        const packed = this.store.blobs.read(digest)
        return await this.unpackFrom(packed, layer, lowerLinks, share, signal)
      } catch (error) {
        signal.throwIfAborted()
        // What is damaged here may be sound where it came from.
        if (!(await this.isDamaged(digest))) throw error
      }
    }
    const writer = await this.store.blobs.writer()
    try {
      const packed = this.tee(layer, source, writer, share, signal)
      const unpacked = await this.unpackFrom(packed, layer, lowerLinks, share, signal)
      await writer.keep(digest)
      return unpacked
    } catch (error) {
      await writer.discard()
      throw error
    }
  }

  private async isDamaged(digest: string): Promise<boolean> {
    try {
      for await (const _ of this.store.blobs.read(digest));
      return false
    } catch {
      await this.store.blobs.remove(digest)
      return true
    }
  }

  /** The download, on its way into the store as well. */
  private async *tee(
    layer: WantedLayer,
    source: ImageSource,
    writer: { write(chunk: Uint8Array): Promise<void> },
    share: Share,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let bytes = 0
    for await (const chunk of source.blob(layer.descriptor, signal)) {
      bytes += chunk.length
      this.progress.set(layer.chainId, bytes)
      await share.take(chunk.length)
      await writer.write(chunk)
      yield chunk
    }
  }

  private async unpackFrom(
    packed: AsyncIterable<Uint8Array>,
    layer: WantedLayer,
    lowerLinks: ReadonlyMap<string, string>,
    share: Share,
    signal: AbortSignal,
  ): Promise<Unpacked> {
    const work = await this.store.workFolder()
    const tree = join(work, 'tree')
    try {
      await mkdir(tree)
      await chmod(tree, 0o755)
      const summary = await this.unpackers.unpack({
        packed,
        diffId: layer.diffId,
        target: tree,
        lowerLinks,
        onBytes: (bytes) => {
          this.store.durability.wrote(bytes)
          return share.take(bytes)
        },
        signal,
      })
      return { work, tree, summary }
    } catch (error) {
      await this.store.discard(work)
      throw error
    }
  }
}

/** A layer that says nothing of the root folder leaves its time as it was below. */
async function takeRootTime(tree: string, below: string | undefined): Promise<void> {
  const time = below === undefined ? 0 : (await stat(below)).mtime
  await utimes(tree, time, time)
}
