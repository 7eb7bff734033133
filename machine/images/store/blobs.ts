import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import { isDigest } from '../../../protocol/names.ts'
import { blobWriteBytes } from '../limits.ts'
import { hexOf } from './records.ts'

/** A blob that is being written. It has no name until it is whole. */
export interface BlobWriter {
  /** May return before the bytes are written; a failed write rejects later. */
  write(chunk: Uint8Array): Promise<void>
  /** Gives it its name. The caller has proven the digest. */
  keep(digest: string): Promise<void>
  discard(): Promise<void>
}

/** Blobs by their digests, as registries store them. What is read is proven again. */
export interface Blobs {
  /** Size of a blob in bytes, or null where there is none. */
  size(digest: string): number | null
  writer(): Promise<BlobWriter>
  put(digest: string, bytes: Uint8Array): Promise<void>
  /** A small blob, or null where there is none or it is damaged. */
  get(digest: string): Promise<Buffer | null>
  /** Throws `blob-damaged` at the end of one that is not what its name says. */
  read(digest: string): AsyncIterable<Uint8Array>
  remove(digest: string): Promise<void>
  all(): readonly string[]
  /** Of all blobs together. */
  bytes(): number
}

/** Blobs in `folder`; unfinished ones in `work`. */
export async function openBlobs(folder: string, work: string): Promise<Blobs> {
  const sizes = new Map<string, number>()
  for (const name of await readdir(folder)) {
    const digest = `sha256:${name}`
    if (isDigest(digest)) sizes.set(digest, (await stat(join(folder, name))).size)
  }
  const at = (digest: string): string => join(folder, hexOf(digest))
  const writer = (): Promise<BlobWriter> =>
    openWriter(work, at, (digest, size) => {
      sizes.set(digest, size)
    })
  const remove = async (digest: string): Promise<void> => {
    sizes.delete(digest)
    await rm(at(digest), { force: true })
  }
  return {
    size: (digest) => sizes.get(digest) ?? null,
    writer,
    remove,
    async put(digest, bytes) {
      const one = await writer()
      await one.write(bytes)
      await one.keep(digest)
    },
    async get(digest) {
      if (!sizes.has(digest)) return null
      const bytes = await readFile(at(digest)).catch(() => null)
      const found = bytes === null ? '' : createHash('sha256').update(bytes).digest('hex')
      if (found === hexOf(digest)) return bytes
      await remove(digest)
      return null
    },
    read: (digest) => readProven(at(digest), digest),
    all: () => [...sizes.keys()],
    bytes: () => [...sizes.values()].reduce((sum, size) => sum + size, 0),
  }
}

async function* readProven(path: string, digest: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: 256 * 1024 })) {
      hash.update(chunk)
      yield chunk
    }
  } finally {
    await file.close().catch(() => undefined)
  }
  if (`sha256:${hash.digest('hex')}` === digest) return
  throw new CoveyError('blob-damaged', `the stored blob ${digest} is damaged`, {
    hint: 'it is fetched again at the next pull; check the disk',
  })
}

/** Gathers small chunks, and writes while the next are gathered: one write at a time. */
async function openWriter(
  work: string,
  at: (digest: string) => string,
  onKept: (digest: string, size: number) => void,
): Promise<BlobWriter> {
  const path = join(work, `blob-${randomBytes(12).toString('hex')}`)
  const file: FileHandle = await open(path, 'wx', 0o600)
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let size = 0
  let writing: Promise<unknown> = Promise.resolve()
  const flush = async (): Promise<void> => {
    await writing
    const parts = waiting
    waiting = []
    waitingBytes = 0
    if (parts.length === 0) return
    writing = writeAll(file, parts)
    writing.catch(() => undefined)
  }
  return {
    async write(chunk) {
      waiting.push(chunk)
      waitingBytes += chunk.length
      size += chunk.length
      if (waitingBytes >= blobWriteBytes) await flush()
    },
    async keep(digest) {
      await flush()
      await writing
      await file.close()
      await rename(path, at(digest))
      onKept(digest, size)
    },
    async discard() {
      await writing.catch(() => undefined)
      await file.close().catch(() => undefined)
      await rm(path, { force: true })
    },
  }
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0)
  const { bytesWritten } = await file.writev(parts)
  if (bytesWritten === bytes) return
  // A disk that is nearly full takes a part; writing on tells what is wrong.
  const rest = Buffer.concat(parts).subarray(bytesWritten)
  for (let at = 0; at < rest.length; ) {
    at += (await file.write(rest, at, rest.length - at)).bytesWritten
  }
}
