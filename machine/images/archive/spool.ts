import { createHash, type Hash } from 'node:crypto'
import type { TarEntry } from '../../../platform/tar/tar-entry.ts'
import { createTarReader } from '../../../platform/tar/tar-reader.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { imageDocumentBytesMax } from '../../../reconcilers/images/limits.ts'
import { archiveEntriesMax, linkHopsMax, pathBytesMax } from '../limits.ts'
import type { BlobWriter } from '../store/blobs.ts'
import type { Share } from '../store/room.ts'
import type { Store } from '../store/store.ts'
import { inflate } from '../unpack/inflate.ts'

/** A file of an archive that went into the store, under the digest of its content. */
interface SpooledFile {
  readonly digest: string
  readonly sizeBytes: number
}

/** Contents of an archive. */
export interface Spooled {
  /** Small documents, by path: what tells of images. */
  readonly documents: ReadonlyMap<string, Buffer>
  /** Everything else, by path. Links are followed. */
  file(path: string): SpooledFile | null
  /** The content of a small file; null for a large one. */
  read(file: SpooledFile): Promise<Buffer | null>
  /** Digests of all that was spooled. */
  readonly digests: ReadonlySet<string>
}

const refuseArchive = (message: string): never => {
  throw new CoveyError('archive-invalid', message, {
    hint: 'use an OCI archive (skopeo, podman, covey image save) or the output of docker save',
  })
}

/**
 * Reads an archive as it comes, in whatever order its files are, and plain or compressed; its files
 * go straight into the store, where they are named by what they are. `digests` grows meanwhile, so
 * that a caller can remove them after an error. Errors: `archive-invalid`, those of `share`.
 */
export async function spoolArchive(
  store: Store,
  share: Share,
  archive: AsyncIterable<Uint8Array>,
  digests: Set<string>,
): Promise<Spooled> {
  const spool = new Spool(store, share, digests)
  try {
    for await (const chunk of inflate(archive)) await spool.push(chunk)
    await spool.end()
  } catch (error) {
    await spool.discard()
    if (error instanceof CoveyError && error.code === 'layer-invalid') {
      // Whoever had some files of it has an archive, and not all of it.
      const what = spool.isBegun() ? 'the archive is damaged' : 'this is not an image archive'
      return refuseArchive(`${what}: ${error.message}`)
    }
    throw error
  }
  return spool
}

/** A path below the root of an archive, without `.`, `..` and empty parts. */
function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

type Step = { readonly entry: TarEntry } | { readonly data: Buffer }

class Spool implements Spooled {
  readonly documents = new Map<string, Buffer>()
  readonly digests: Set<string>
  private readonly store: Store
  private readonly share: Share
  private readonly files = new Map<string, SpooledFile>()
  private readonly links = new Map<string, string>()
  private steps: Step[] = []
  private entries = 0
  private readonly reader = createTarReader({
    entry: (entry) => void this.steps.push({ entry }),
    data: (data) => void this.steps.push({ data }),
  })
  private open: {
    readonly entry: TarEntry
    readonly path: string
    readonly writer: BlobWriter | null
    readonly hash: Hash
    readonly parts: Buffer[]
    left: number
  } | null = null

  constructor(store: Store, share: Share, digests: Set<string>) {
    this.store = store
    this.share = share
    this.digests = digests
  }

  isBegun(): boolean {
    return this.files.size > 0
  }

  file(path: string): SpooledFile | null {
    let at = cleanPath(path)
    for (let hops = 0; hops <= linkHopsMax; hops++) {
      const known = this.files.get(at)
      const target = this.links.get(at)
      if (known !== undefined || target === undefined) return known ?? null
      const from = target.startsWith('/') ? [] : at.split('/').slice(0, -1)
      at = cleanPath([...from, target].join('/'))
    }
    return null
  }

  async read({ digest, sizeBytes }: SpooledFile): Promise<Buffer | null> {
    return sizeBytes > imageDocumentBytesMax ? null : await this.store.blobs.get(digest)
  }

  async push(chunk: Buffer): Promise<void> {
    this.reader.push(chunk)
    const steps = this.steps
    this.steps = []
    for (const step of steps) {
      if ('entry' in step) await this.begin(step.entry)
      else await this.take(step.data)
    }
  }

  async end(): Promise<void> {
    this.reader.end()
    if (this.open !== null) refuseArchive('the archive ends in the middle of a file')
  }

  async discard(): Promise<void> {
    await this.open?.writer?.discard()
  }

  private async begin(entry: TarEntry): Promise<void> {
    this.entries++
    if (this.entries > archiveEntriesMax) refuseArchive(`more than ${archiveEntriesMax} entries`)
    const path = cleanPath(entry.path)
    if (path.length > pathBytesMax) refuseArchive('a path in it is too long')
    if (entry.kind === 'symlink' || entry.kind === 'hardlink') {
      const target = entry.kind === 'hardlink' ? `/${entry.target}` : entry.target
      this.links.set(path, target)
    }
    if (entry.kind !== 'file') return
    if (entry.sparse !== null) refuseArchive('it holds a sparse file')
    const isDocument = path.endsWith('.json') && entry.dataBytes <= imageDocumentBytesMax
    const writer = isDocument ? null : await this.store.blobs.writer()
    const left = entry.dataBytes
    this.open = { entry, path, writer, hash: createHash('sha256'), parts: [], left }
    if (left === 0) await this.finish()
  }

  private async take(data: Buffer): Promise<void> {
    if (this.open === null) return
    const { writer, hash, parts } = this.open
    hash.update(data)
    await this.share.take(data.length)
    if (writer === null) parts.push(Buffer.from(data))
    else await writer.write(data)
    this.open.left -= data.length
    if (this.open.left === 0) await this.finish()
  }

  private async finish(): Promise<void> {
    if (this.open === null) return
    const { entry, path, writer, hash, parts } = this.open
    this.open = null
    const digest = `sha256:${hash.digest('hex')}`
    this.files.set(path, { digest, sizeBytes: entry.dataBytes })
    const isNew = this.store.blobs.size(digest) === null
    if (writer === null) {
      const bytes = Buffer.concat(parts)
      this.documents.set(path, bytes)
      // The config of an image in the output of docker save is such a file.
      if (isNew) await this.store.blobs.put(digest, bytes)
    } else await writer.keep(digest)
    if (isNew) this.digests.add(digest)
  }
}
