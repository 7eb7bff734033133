import type { Duplex, DuplexOptions } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { CoveyError } from '../../../protocol/fault.ts'
import { inflateAheadBytes, inflateChunkBytes } from '../limits.ts'
import { drainOrClose } from './drain.ts'

/** Compression of a layer or an archive, by its first bytes: media types are often wrong. */
type Packing = 'none' | 'gzip' | 'zstd'

/** Bytes that tell how something is packed. */
const magicBytes = 10

function packingOf(start: Buffer): Packing {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip'
  const magic = start.length >= 4 ? start.readUInt32LE(0) : 0
  // A frame, or one of the skippable frames (RFC 8878 section 3.1).
  if (magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50) return 'zstd'
  return 'none'
}

/** Compressions that others use, and covey does not unpack. */
const foreign: readonly (readonly [name: string, start: RegExp])[] = [
  ['xz', /^\xfd7zXZ/],
  ['bzip2', /^BZh[1-9]1AY&SY/],
]

/** Error for an unsupported compression, which would only look like a damaged tar archive. */
function foreignTo(start: Buffer): CoveyError | null {
  const text = start.toString('latin1', 0, magicBytes)
  const found = foreign.find(([, magic]) => magic.test(text))
  if (found === undefined) return null
  const message = `it is packed with ${found[0]}, but covey unpacks only gzip and zstd`
  return new CoveyError('layer-invalid', message)
}

/** Decompressors work ahead of who reads them, on another processor. */
const ahead: { readonly chunkSize: number } & DuplexOptions = {
  chunkSize: inflateChunkBytes,
  readableHighWaterMark: inflateAheadBytes,
  writableHighWaterMark: inflateAheadBytes,
}

/**
 * Unpacked data of a stream: gzip (RFC 1952), zstd (RFC 8878) or plain. Errors of `source` pass
 * through; damaged data throws `layer-invalid`.
 */
export async function* inflate(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]()
  const held: Buffer[] = []
  let size = 0
  while (size < magicBytes) {
    const next = await iterator.next()
    if (next.done === true) break
    held.push(Buffer.from(next.value))
    size += next.value.length
  }
  const start = Buffer.concat(held)
  const refusal = foreignTo(start)
  if (refusal !== null) {
    await iterator.return?.()
    throw refusal
  }
  const whole = rejoin(start, iterator)
  const packing = packingOf(start)
  if (packing === 'none') yield* whole
  else if (packing === 'gzip') yield* through(whole, createGunzip(ahead))
  else yield* through(whole, createZstdDecompress(ahead))
}

async function* rejoin(start: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer> {
  let isWhole = false
  try {
    if (start.length > 0) yield start
    for (;;) {
      const next = await rest.next()
      if (next.done === true) break
      const { buffer, byteOffset, byteLength } = next.value
      yield Buffer.from(buffer, byteOffset, byteLength)
    }
    isWhole = true
  } finally {
    // Whoever stops early lets the source know, which ends a download.
    if (!isWhole) await rest.return?.()
  }
}

/** Pumps by hand: an error of the source must come out as it is, and not as one of the stream. */
async function* through(source: AsyncGenerator<Buffer>, stream: Duplex): AsyncGenerator<Buffer> {
  let sourceError: { readonly error: unknown } | null = null
  const pumping = pump(source, stream).catch((error) => {
    sourceError = { error }
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    await pumping
    if (sourceError !== null) throw (sourceError as { readonly error: unknown }).error
    throw damaged(error)
  } finally {
    stream.destroy()
    await source.return(undefined)
  }
  await pumping
}

async function pump(source: AsyncGenerator<Buffer>, stream: Duplex): Promise<void> {
  for await (const chunk of source) {
    if (stream.destroyed) return
    if (stream.write(chunk)) continue
    await drainOrClose(stream)
  }
  stream.end()
}

function damaged(error: unknown): CoveyError {
  const reason = error instanceof Error ? error.message : String(error)
  return new CoveyError('layer-invalid', `the compressed data is damaged: ${reason}`, {
    cause: error,
  })
}
