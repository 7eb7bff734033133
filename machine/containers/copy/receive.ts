import { constants } from 'node:fs'
import {
  chmod,
  chown,
  type FileHandle,
  lchown,
  link,
  mkdir,
  open,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises'
import type { TreeEntry, TreeItem, TreeTotals } from '../../../platform/tree/tree-entry.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { systemCode } from '../../../protocol/system-reason.ts'
import type { Owners } from './owners.ts'
import { inPlace, type OpenPlace, openIn, placePath } from './places.ts'

/** Name of the root of what is received, in the folder that it is received in. */
export const receivedName = 'content'

/** Dependencies of receiving a tree. */
interface ReceiveInit {
  /** Folder that it is received in. */
  readonly folder: OpenPlace
  readonly owners: Owners
  /** True leaves owners as the entries have them; else root owns everything. */
  readonly keepsOwners: boolean
  readonly signal: AbortSignal
}

/**
 * Writes the entries of a tree below `receivedName` of a folder, by the numbered rules of
 * places.ts: whatever the container exchanges meanwhile, it is within the container. Throws
 * `tree-refused`, and system errors.
 */
export async function receiveTree(
  items: AsyncIterable<TreeItem>,
  init: ReceiveInit,
): Promise<TreeTotals> {
  const receiver = new Receiver(init)
  try {
    for await (const item of items) {
      init.signal.throwIfAborted()
      if ('data' in item) await receiver.data(item.data)
      else await receiver.entry(item.entry)
    }
    await receiver.end()
    return receiver.totals
  } finally {
    await receiver.close()
  }
}

interface Level {
  readonly name: string
  readonly place: OpenPlace
  readonly mtimeSeconds: number
}

class Receiver {
  readonly totals: TreeTotals = { files: 0, folders: 0, bytes: 0 }
  private readonly init: ReceiveInit
  /** Folders that are open, from the root of what is received. */
  private levels: Level[] = []
  private file: { readonly handle: FileHandle; readonly entry: TreeEntry } | null = null

  constructor(init: ReceiveInit) {
    this.init = init
  }

  async data(bytes: Uint8Array): Promise<void> {
    this.totals.bytes += bytes.length
    // Writes on until the disk has taken all of it, or says why not.
    await this.file?.handle.writeFile(bytes)
  }

  async entry(entry: TreeEntry): Promise<void> {
    await this.endFile()
    const names = [receivedName, ...entry.parts]
    const name = names.pop() ?? receivedName
    const folder = await this.descend(names)
    if (entry.kind === 'folder') return this.folder(folder, name, entry)
    this.totals.files++
    if (entry.kind === 'file') return this.beginFile(folder, name, entry)
    const path = inPlace(folder, name)
    if (entry.kind === 'symlink') {
      await replacing(path, () => symlink(Buffer.from(entry.target, 'latin1'), path))
      await lchown(path, this.owner(entry, 'uid'), this.owner(entry, 'gid'))
      return
    }
    const target = [receivedName, ...entry.target.split('/')]
    const last = target.pop() ?? ''
    await withFolder(this.init.folder, target, (other) =>
      replacing(path, () => link(inPlace(other, last), path)),
    )
  }

  private async folder(folder: OpenPlace, name: string, entry: TreeEntry): Promise<void> {
    this.totals.folders++
    await mkdir(inPlace(folder, name), 0o700).catch((error) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
    const place = await openFolder(folder, name)
    this.levels.push({ name, place, mtimeSeconds: entry.mtimeSeconds })
    await chown(placePath(place), this.owner(entry, 'uid'), this.owner(entry, 'gid'))
    await chmod(placePath(place), entry.mode)
  }

  private async beginFile(folder: OpenPlace, name: string, entry: TreeEntry): Promise<void> {
    const path = inPlace(folder, name)
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const handle = await replacing(path, () => open(path as unknown as string, flags, 0o600))
    this.file = { handle, entry }
  }

  private async endFile(): Promise<void> {
    const { file } = this
    if (file === null) return
    this.file = null
    const { handle, entry } = file
    try {
      await handle.chown(this.owner(entry, 'uid'), this.owner(entry, 'gid'))
      await handle.chmod(entry.mode)
      await handle.utimes(entry.mtimeSeconds, entry.mtimeSeconds).catch(() => undefined)
    } finally {
      await handle.close()
    }
  }

  /** Opens the folder of these names; what it has in common with the last is open already. */
  private async descend(names: readonly string[]): Promise<OpenPlace> {
    let common = 0
    while (common < names.length && this.levels[common]?.name === names[common]) common++
    while (this.levels.length > common) await this.leave()
    for (const name of names.slice(common)) {
      const above = this.levels.at(-1)?.place ?? this.init.folder
      const place = await openFolder(above, name)
      this.levels.push({ name, place, mtimeSeconds: Number(place.stat.mtimeMs / 1000n) })
    }
    return this.levels.at(-1)?.place ?? this.init.folder
  }

  private async leave(): Promise<void> {
    const level = this.levels.pop()
    if (level === undefined) return
    const { place, mtimeSeconds } = level
    await utimes(placePath(place), mtimeSeconds, mtimeSeconds).catch(() => undefined)
    await place.handle.close()
  }

  private owner(entry: TreeEntry, kind: 'uid' | 'gid'): number {
    return this.init.owners.toHost(this.init.keepsOwners ? entry[kind] : 0, kind)
  }

  async end(): Promise<void> {
    await this.endFile()
    while (this.levels.length > 0) await this.leave()
  }

  async close(): Promise<void> {
    await this.file?.handle.close()
    for (const { place } of this.levels.splice(0)) await place.handle.close()
  }
}

async function openFolder(above: OpenPlace, name: string): Promise<OpenPlace> {
  const place = await openIn(above, name)
  if (place?.stat.isDirectory() === true) return place
  await place?.handle.close()
  const text = Buffer.from(name, 'latin1').toString('utf8')
  throw new CoveyError('tree-refused', `an entry is below ${text}, which is no folder`)
}

/** Hands over a folder by its names from another. */
async function withFolder<T>(
  from: OpenPlace,
  names: readonly string[],
  use: (folder: OpenPlace) => Promise<T>,
): Promise<T> {
  const opened: OpenPlace[] = []
  try {
    for (const name of names) opened.push(await openFolder(opened.at(-1) ?? from, name))
    return await use(opened.at(-1) ?? from)
  } finally {
    for (const { handle } of opened) await handle.close()
  }
}

/** Makes something; what an entry before it has made by the same name goes. */
async function replacing<T>(path: Buffer, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    await unlink(path)
    return make()
  }
}
