import {
  chmod,
  chown,
  type FileHandle,
  lchown,
  link,
  lstat,
  mkdir,
  open,
  statfs,
  symlink,
} from 'node:fs/promises'
import { join } from 'node:path'
import { shownPath } from '../../../platform/tar/refuse.ts'
import type { TreeEntry, TreeItem, TreeTotals } from '../../../platform/tree/tree-entry.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { copyLinksBytesMax, copyRoomAskedBytes } from '../../limits.ts'

/*
 * What a container has may be made to harm who copies it, and the agent that hands it over may be
 * taken over. So it is unpacked in an empty folder that nobody else may enter:
 *
 * 1. Every entry goes to names below it. No entry is followed that the archive has made: links are
 *    made last, when nothing is written any more.
 * 2. A hard link leads to a file of the same archive, that was unpacked before.
 * 3. Nothing becomes set-user-id, set-group-id or a device.
 */

/** Dependencies of unpacking. */
interface UnpackInit {
  /** An empty folder, for its owner alone. */
  readonly folder: string
  /** True gives everything the owner that it has in the container. */
  readonly keepsOwners: boolean
  readonly totals: TreeTotals
}

/** Name of what is unpacked, in that folder. */
export const unpackedName = 'content'

/** Unpacks a tree. Throws `tree-refused`, `tree-too-large`, `disk-full`, and system errors. */
export async function unpackTree(
  items: AsyncIterable<TreeItem>,
  init: UnpackInit,
): Promise<TreeEntry['kind']> {
  const unpacker = new Unpacker(init)
  let root: TreeEntry['kind'] | null = null
  try {
    for await (const item of items) {
      if ('data' in item) await unpacker.data(item.data)
      else {
        root ??= item.entry.parts.length === 0 ? item.entry.kind : refuse('it begins in its middle')
        await unpacker.entry(item.entry)
      }
    }
    await unpacker.end()
  } finally {
    await unpacker.close()
  }
  return root ?? refuse('it is empty')
}

function refuse(why: string): never {
  throw new CoveyError('tree-refused', `what the agent sent is refused: ${why}`, {
    hint: 'the host may not be what it was: look at it before you go on',
  })
}

class Unpacker {
  private readonly init: UnpackInit
  private file: { readonly handle: FileHandle; readonly entry: TreeEntry } | null = null
  private readonly links: TreeEntry[] = []
  private linkBytes = 0
  /** Folders with the modes that they get when nothing is written into them any more. */
  private readonly folders: { readonly path: Buffer; readonly mode: number }[] = []

  constructor(init: UnpackInit) {
    this.init = init
  }

  async data(bytes: Uint8Array): Promise<void> {
    this.init.totals.bytes += bytes.length
    // Writes on until the disk has taken all of it, or says why not.
    await this.file?.handle.writeFile(bytes)
  }

  async entry(entry: TreeEntry): Promise<void> {
    await this.endFile()
    const path = this.pathOf(entry.parts)
    const { totals } = this.init
    if (entry.kind === 'folder') {
      totals.folders++
      await mkdir(path, 0o700)
      await this.own(path, entry)
      this.remember(entry)
      this.folders.push({ path, mode: entry.mode & 0o777 })
      return
    }
    totals.files++
    if (entry.kind === 'symlink') {
      this.remember(entry)
      this.links.push(entry)
    } else if (entry.kind === 'hardlink') {
      const target = this.pathOf(entry.target.split('/'))
      const seen = await lstat(target).catch(() => null)
      if (seen?.isFile() !== true) refuse(`${named(entry)} is a link to no file of it`)
      await link(target, path)
    } else {
      await this.expectRoom(entry)
      this.file = { handle: await open(path as unknown as string, 'wx', 0o600), entry }
    }
  }

  /** Counts the bytes that have to be remembered to the end: they are memory of this machine. */
  private remember(entry: TreeEntry): void {
    this.linkBytes += entry.target.length + entry.parts.join('/').length + 64
    if (this.linkBytes > copyLinksBytesMax) {
      throw new CoveyError('tree-too-large', 'it has too many folders and links')
    }
  }

  private async expectRoom(entry: TreeEntry): Promise<void> {
    if (entry.sizeBytes < copyRoomAskedBytes) return
    const { bavail, bsize } = await statfs(this.init.folder)
    if (entry.sizeBytes <= bavail * bsize) return
    const message = `${named(entry)} has ${entry.sizeBytes} bytes, and ${bavail * bsize} are free`
    throw new CoveyError('disk-full', message, { hint: 'make room, or copy elsewhere' })
  }

  private async endFile(): Promise<void> {
    const { file } = this
    if (file === null) return
    this.file = null
    const { handle, entry } = file
    try {
      if (this.init.keepsOwners) await handle.chown(entry.uid, entry.gid)
      await handle.chmod(entry.mode & 0o777)
      await handle.utimes(entry.mtimeSeconds, entry.mtimeSeconds).catch(() => undefined)
    } finally {
      await handle.close()
    }
  }

  private async own(path: Buffer, { uid, gid }: TreeEntry): Promise<void> {
    if (this.init.keepsOwners) await chown(path, uid, gid)
  }

  async end(): Promise<void> {
    await this.endFile()
    for (const entry of this.links) {
      const path = this.pathOf(entry.parts)
      await symlink(Buffer.from(entry.target, 'latin1'), path)
      if (this.init.keepsOwners) await lchown(path, entry.uid, entry.gid)
    }
    // Below first: a folder may come to be closed to its own owner.
    for (const { path, mode } of this.folders.toReversed()) await chmod(path, mode)
  }

  async close(): Promise<void> {
    await this.file?.handle.close()
  }

  private pathOf(parts: readonly string[]): Buffer {
    const root = Buffer.from(join(this.init.folder, unpackedName))
    const names = parts.map((part) => `/${part}`).join('')
    return Buffer.concat([root, Buffer.from(names, 'latin1')])
  }
}

function named(entry: TreeEntry): string {
  return entry.parts.length === 0 ? 'the file' : shownPath(entry.parts.join('/'))
}
