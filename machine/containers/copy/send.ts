import { constants } from 'node:fs'
import { open, opendir, readlink } from 'node:fs/promises'
import {
  treeBytesMax,
  treeEntriesMax,
  treePartsMax,
  treePathBytesMax,
} from '../../../platform/tree/limits.ts'
import type { TreeEntry } from '../../../platform/tree/tree-entry.ts'
import { treeEnd, treeHead, treePadding } from '../../../platform/tree/write-tree.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { copyChunkBytes } from './limits.ts'
import type { Owners } from './owners.ts'
import { copyFailure, inPlace, isOfKernel, type OpenPlace, openIn, placePath } from './places.ts'
import type { Found } from './walk.ts'

/** Dependencies of sending a tree. */
export interface SendInit {
  readonly owners: Owners
  /** Told of what is left out or changed meanwhile, with the path within the tree (latin1). */
  readonly onLeftOut: (path: string, why: string) => void
  readonly signal: AbortSignal
}

/**
 * The archive of what was found in a container, bit by bit. Sockets, devices and FIFOs are left
 * out, and so is what is the kernel's. Throws `cp-kernel`, `tree-too-large`, `cp-failed`.
 */
export async function* sendTree(
  { folder, name }: Found,
  place: OpenPlace,
  init: SendInit,
): AsyncGenerator<Uint8Array> {
  if (await isOfKernel(place)) {
    throw new CoveyError('cp-kernel', 'it is a window on the kernel, and no file', {
      hint: 'read it in the container: covey exec NAME -- cat PATH',
    })
  }
  yield* new Sender(init).send(folder, name, place, [])
  yield treeEnd
}

class Sender {
  private readonly init: SendInit
  private entries = 0
  private bytes = 0

  constructor(init: SendInit) {
    this.init = init
  }

  async *send(
    folder: OpenPlace,
    name: string,
    place: OpenPlace,
    parts: readonly string[],
  ): AsyncGenerator<Uint8Array> {
    this.init.signal.throwIfAborted()
    const { stat } = place
    if (stat.isSymbolicLink()) {
      const target = await readlink(inPlace(folder, name), 'latin1').catch(() => null)
      // It has become something else; what it is now is anybody's guess.
      if (target === null) return this.leftOut(parts, 'changed while it was read')
      yield treeHead(this.entryOf('symlink', place, parts, { target: String(target) }))
    } else if (stat.isFile()) yield* this.file(place, parts)
    else if (stat.isDirectory()) yield* this.folder(place, parts)
    else this.leftOut(parts, 'is a socket, a device or a FIFO')
  }

  private async *file(place: OpenPlace, parts: readonly string[]): AsyncGenerator<Uint8Array> {
    const sizeBytes = Number(place.stat.size)
    this.bytes += sizeBytes
    if (this.bytes > treeBytesMax) this.tooLarge(`it has more than ${treeBytesMax} bytes`)
    // The very file that was looked at: nothing by this name is opened any more.
    const handle = await open(placePath(place), constants.O_RDONLY).catch((error) => {
      throw copyFailure(error, this.named(parts))
    })
    try {
      yield treeHead(this.entryOf('file', place, parts, { sizeBytes }))
      let left = sizeBytes
      while (left > 0) {
        this.init.signal.throwIfAborted()
        const buffer = Buffer.allocUnsafe(Math.min(left, copyChunkBytes))
        const { bytesRead } = await handle.read(buffer, 0, buffer.length)
        if (bytesRead === 0) {
          // The head has told the size. Whoever asks for a file wants all of it, or to be told.
          const why = 'became shorter while it was read'
          throw new CoveyError('cp-changed', `${this.named(parts)}: it ${why}`, {
            hint: 'try again',
          })
        }
        yield buffer.subarray(0, bytesRead)
        left -= bytesRead
      }
      yield treePadding(sizeBytes)
    } finally {
      await handle.close()
    }
  }

  private async *folder(place: OpenPlace, parts: readonly string[]): AsyncGenerator<Uint8Array> {
    yield treeHead(this.entryOf('folder', place, parts, {}))
    if (parts.length >= treePartsMax) this.tooLarge('its folders are too deep')
    for await (const { name } of await opendir(placePath(place), { encoding: 'latin1' })) {
      const child = await openIn(place, name)
      if (child === null) continue
      try {
        const path = [...parts, name]
        if (child.stat.dev !== place.stat.dev && (await isOfKernel(child))) {
          this.leftOut(path, "is the kernel's")
        } else yield* this.send(place, name, child, path)
      } finally {
        await child.handle.close()
      }
    }
  }

  private entryOf(
    kind: TreeEntry['kind'],
    { stat }: OpenPlace,
    parts: readonly string[],
    more: Partial<TreeEntry>,
  ): TreeEntry {
    if (++this.entries > treeEntriesMax) this.tooLarge(`it has more than ${treeEntriesMax} entries`)
    if (parts.join('/').length > treePathBytesMax) this.tooLarge('a path in it is too long')
    const { owners } = this.init
    return {
      ...{ kind, parts, sizeBytes: 0, target: '' },
      mode: Number(stat.mode) & 0o7777,
      uid: owners.toContainer(Number(stat.uid), 'uid'),
      gid: owners.toContainer(Number(stat.gid), 'gid'),
      mtimeSeconds: Number(stat.mtimeMs / 1000n),
      ...more,
    }
  }

  private leftOut(parts: readonly string[], why: string): void {
    this.init.onLeftOut(parts.join('/'), why)
  }

  private named(parts: readonly string[]): string {
    return parts.length === 0 ? 'the file' : Buffer.from(parts.join('/'), 'latin1').toString('utf8')
  }

  private tooLarge(why: string): never {
    throw new CoveyError('tree-too-large', why)
  }
}
