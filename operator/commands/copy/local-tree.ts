import type { Stats } from 'node:fs'
import { lstat, open, readdir, readlink, stat } from 'node:fs/promises'
import { shownPath } from '../../../platform/tar/refuse.ts'
import { treeEntriesMax } from '../../../platform/tree/limits.ts'
import type { TreeEntry, TreeTotals } from '../../../platform/tree/tree-entry.ts'
import { treeEnd, treeHead, treePadding } from '../../../platform/tree/write-tree.ts'
import { copyReadBytes } from '../../limits.ts'
import { Failure, systemReason } from '../../terminal/failure.ts'

/** The settings for packing files of this machine. */
interface PackInit {
  readonly keepsOwners: boolean
  /** Told of what is left out, in one line. */
  readonly onLeftOut: (line: string) => void
  /** Counted up while it is packed. */
  readonly totals: TreeTotals
}

/** A place of this machine; a link itself, unless it is followed. Throws `file-unreadable`. */
export async function lookAt(path: string, followsLink: boolean): Promise<Stats> {
  try {
    return await (followsLink ? stat(path) : lstat(path))
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): Failure {
  return new Failure(2, 'file-unreadable', `cannot read ${path}: ${systemReason(error)}`, {
    hint: 'name a file or folder that is there and that you may read',
    cause: error,
  })
}

/**
 * The archive of a file, folder or link of this machine, bit by bit. Links in it stay links. Throws
 * `Failure` `file-unreadable`, `cp-changed`, `tree-too-large`.
 */
export async function* packLocal(
  path: string,
  root: Stats,
  init: PackInit,
): AsyncGenerator<Uint8Array> {
  yield* new Packer(init).pack(Buffer.from(path), root, [])
  yield treeEnd
}

class Packer {
  private readonly init: PackInit

  constructor(init: PackInit) {
    this.init = init
  }

  async *pack(path: Buffer, seen: Stats, parts: readonly string[]): AsyncGenerator<Uint8Array> {
    const { totals } = this.init
    if (totals.files + totals.folders >= treeEntriesMax) {
      throw new Failure(1, 'tree-too-large', `it has more than ${treeEntriesMax} entries`)
    }
    if (seen.isDirectory()) {
      totals.folders++
      yield treeHead(this.entryOf('folder', seen, parts, {}))
      for (const name of await attempt(path, () => readdir(path, { encoding: 'latin1' }))) {
        const below = Buffer.concat([path, Buffer.from(`/${name}`, 'latin1')])
        yield* this.pack(below, await attempt(below, () => lstat(below)), [...parts, name])
      }
      return
    }
    totals.files++
    if (seen.isSymbolicLink()) {
      const target = await attempt(path, () => readlink(path, 'latin1'))
      yield treeHead(this.entryOf('symlink', seen, parts, { target }))
    } else if (seen.isFile()) yield* this.file(path, parts)
    else {
      totals.files--
      this.init.onLeftOut(`${shown(path)} is a socket, a device or a FIFO, and left out`)
    }
  }

  private async *file(path: Buffer, parts: readonly string[]): AsyncGenerator<Uint8Array> {
    const handle = await attempt(path, () => open(path as unknown as string, 'r'))
    try {
      const seen = await handle.stat()
      yield treeHead(this.entryOf('file', seen, parts, { sizeBytes: seen.size }))
      for (let left = seen.size; left > 0; ) {
        const buffer = Buffer.allocUnsafe(Math.min(left, copyReadBytes))
        const { bytesRead } = await attempt(path, () => handle.read(buffer, 0, buffer.length))
        if (bytesRead === 0) {
          const message = `${shown(path)} became shorter while it was read`
          throw new Failure(1, 'cp-changed', message, { hint: 'try again' })
        }
        this.init.totals.bytes += bytesRead
        yield buffer.subarray(0, bytesRead)
        left -= bytesRead
      }
      yield treePadding(seen.size)
    } finally {
      await handle.close()
    }
  }

  private entryOf(
    kind: TreeEntry['kind'],
    seen: Stats,
    parts: readonly string[],
    more: Partial<TreeEntry>,
  ): TreeEntry {
    const { keepsOwners } = this.init
    return {
      ...{ kind, parts, sizeBytes: 0, target: '' },
      mode: seen.mode & 0o7777,
      uid: keepsOwners ? seen.uid : 0,
      gid: keepsOwners ? seen.gid : 0,
      mtimeSeconds: Math.trunc(seen.mtimeMs / 1000),
      ...more,
    }
  }
}

function shown(path: Buffer): string {
  return shownPath(path.toString('latin1'))
}

async function attempt<T>(path: Buffer, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw unreadable(shown(path), error)
  }
}
