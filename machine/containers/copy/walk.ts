import { constants } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { treePartsMax, treePathBytesMax } from '../../../platform/tree/limits.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { copyHopsMax } from './limits.ts'
import { inPlace, type OpenPlace, openIn, openPlace } from './places.ts'

/** The container that something is copied into or out of. */
export interface CopyPlace {
  /** Its first process. */
  readonly pid: number
  /** Folder with its `config.json`. */
  readonly bundle: string
  /** Path of its root file system on the host, absolute or from the bundle. */
  readonly rootfs: string
}

/** Where a path leads in a container. */
export interface Found {
  /** The folder that it is in, or would be in. */
  readonly folder: OpenPlace
  /** Its name there; empty for the root. */
  readonly name: string
  /** Null where there is nothing yet. */
  readonly place: OpenPlace | null
}

/** Options of looking a path up. */
interface WalkOptions {
  /** True follows a link that the path ends in. */
  readonly followsLast: boolean
}

/**
 * Looks a path up as a process of the container would, and hands over what is there; all of it is
 * closed again. See the numbered rules of places.ts. Throws `not-running`, `cp-no-such-path`,
 * `cp-not-a-folder`, `cp-path`.
 */
export async function withPath<T>(
  container: CopyPlace,
  path: string,
  options: WalkOptions,
  use: (found: Found) => Promise<T>,
): Promise<T> {
  const walk = new Walk(path, options.followsLast)
  try {
    return await use(await walk.from(await openRoot(container)))
  } finally {
    await walk.close()
  }
}

/** `pid` may be another's by now: then its root is another folder than the container's. */
async function openRoot({ pid, bundle, rootfs }: CopyPlace): Promise<OpenPlace> {
  const gone = new CoveyError('not-running', 'the container has just ended')
  const root = await openPlace(`/proc/${pid}/root`, constants.O_DIRECTORY).catch(() => null)
  const own = await openPlace(resolve(bundle, rootfs), constants.O_DIRECTORY).catch(() => null)
  await own?.handle.close()
  if (root === null) throw gone
  if (own !== null && own.stat.dev === root.stat.dev && own.stat.ino === root.stat.ino) return root
  await root.handle.close()
  throw gone
}

class Walk {
  private readonly path: string
  private readonly followsLast: boolean
  /** Folders from the root to where the walk is. */
  private readonly folders: OpenPlace[] = []
  private readonly opened: OpenPlace[] = []
  private todo: string[]
  private hops = 0

  constructor(path: string, followsLast: boolean) {
    const bytes = Buffer.from(path, 'utf8').toString('latin1')
    if (bytes.length > treePathBytesMax || bytes.includes('\0')) {
      throw new CoveyError('cp-path', 'the path is too long, or is no path')
    }
    this.path = path
    // A slash at the end means the folder that a link leads to.
    this.followsLast = followsLast || /\/\.?$/.test(path)
    this.todo = bytes.split('/')
  }

  async from(root: OpenPlace): Promise<Found> {
    this.opened.push(root)
    this.folders.push(root)
    let name = ''
    let last: OpenPlace | null = root
    for (;;) {
      const part = this.todo.shift()
      if (part === undefined) break
      if (part === '' || part === '.') continue
      const folder: OpenPlace = this.folders.at(-1) ?? root
      if (last !== folder) throw this.failure('cp-not-a-folder', 'leads through a file')
      if (part === '..') {
        if (this.folders.length > 1) this.folders.pop()
        last = this.folders.at(-1) ?? root
        name = ''
        continue
      }
      name = part
      last = await openIn(folder, part)
      if (last === null) {
        if (this.rest().length > 0) throw this.failure('cp-no-such-path', 'is not there')
        return { folder, name, place: null }
      }
      this.opened.push(last)
      if (this.opened.length > treePartsMax) throw this.failure('cp-path', 'is too deep')
      if (last.stat.isSymbolicLink() && (this.followsLast || this.rest().length > 0)) {
        await this.follow(folder, part)
        last = this.folders.at(-1) ?? root
        name = ''
      } else if (last.stat.isDirectory()) this.folders.push(last)
    }
    if (this.path.endsWith('/') && !last.stat.isDirectory()) {
      throw this.failure('cp-not-a-folder', 'is no folder')
    }
    return this.foundAt(root, name, last)
  }

  /** The place where the walk has ended, with the folder above it. */
  private foundAt(root: OpenPlace, name: string, place: OpenPlace): Found {
    const isFolder = this.folders.at(-1) === place
    const folder = (isFolder ? this.folders.at(-2) : this.folders.at(-1)) ?? root
    return { folder, name, place }
  }

  private rest(): readonly string[] {
    return this.todo.filter((part) => part !== '' && part !== '.')
  }

  private async follow(folder: OpenPlace, name: string): Promise<void> {
    if (++this.hops > copyHopsMax) throw this.failure('cp-path', 'leads through too many links')
    // A link of /proc may lead nowhere for a process of the host, and any link may be gone by now.
    const target = await readlink(inPlace(folder, name), 'latin1').catch(() => null)
    if (target === null) throw this.failure('cp-no-such-path', 'is not there')
    if (target.startsWith('/')) this.folders.splice(1)
    this.todo = [...target.split('/'), ...this.todo]
    const isLong = this.todo.length > treePathBytesMax
    if (isLong) throw this.failure('cp-path', 'leads through too many links')
  }

  private failure(code: string, why: string): CoveyError {
    return new CoveyError(code, `${this.path} ${why}`)
  }

  async close(): Promise<void> {
    for (const { handle } of this.opened.splice(0)) await handle.close()
  }
}
