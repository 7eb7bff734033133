import { createHash, type Hash } from 'node:crypto'
import { CoveyError } from '../../../protocol/fault.ts'
import { imageDocumentBytesMax } from '../../../reconcilers/images/limits.ts'
import type { TarEntry } from '../layers/tar-entry.ts'
import { createTarReader } from '../layers/tar-reader.ts'
import { archiveEntriesMax, pathBytesMax } from '../limits.ts'
import type { BlobWriter } from '../store/blobs.ts'
import type { Share } from '../store/room.ts'
import type { Store } from '../store/store.ts'
import { inflate } from '../unpack/inflate.ts'

/** A file of an archive that went into the store, under the digest of its content. */
interface SpooledFile {
  readonly digest: string
  readonly sizeBytes: number
}

/** What an archive holds. */
export interface Spooled {
  /** Small documents, by path: what tells of images. */
  readonly documents: ReadonlyMap<string, Buffer>
  /** Everything else, by path. Links are followed. */
  file(path: string): SpooledFile | null
  /** Digests of all that was spooled. */
  readonly digests: ReadonlySet<string>
}

const refuseArchive = (message: string): never => {
  throw new CoveyError('archive-invalid', message, {
    hint: 'it takes an OCI archive (skopeo, podman, covey image save) or the output of docker save',
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
      return refuseArchive(`this is no archive of images: ${error.message}`)
    }
    throw error
  }
  return spool
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

  file(path: string): SpooledFile | null {
    const known = this.files.get(path)
    if (known !== undefined) return known
    const target = this.links.get(path)
    if (target === undefined) return null
    const from = target.startsWith('/') ? [] : path.split('/').slice(0, -1)
    for (const part of target.split('/')) {
      if (part === '..') from.pop()
      else if (part !== '' && part !== '.') from.push(part)
    }
    return this.files.get(from.join('/')) ?? null
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
    const path = entry.path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/')
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
