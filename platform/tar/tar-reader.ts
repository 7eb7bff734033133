import { endPaddingBytesMax, extensionBytesMax, sparsePiecesMax } from './limits.ts'
import { parsePax } from './pax.ts'
import { type Extension, entryOf } from './read-entry.ts'
import { refuse } from './refuse.ts'
import {
  checkSparse,
  headerSparseMap,
  oldSparsePieces,
  readSparseLines,
  type SparseLines,
  type SparsePiece,
} from './sparse.ts'
import type { TarEntry } from './tar-entry.ts'
import {
  blockBytes,
  isZeroBlock,
  isZeros,
  number,
  paddingOf,
  parseHeader,
  type RawHeader,
} from './tar-header.ts'

/** Events of a reader, in the order of the archive. */
export interface TarEvents {
  entry(entry: TarEntry): void
  /** A part of the data of the last entry: a piece of a pushed chunk. */
  data(part: Buffer): void
}

/** Reads a tar archive as it arrives. */
export interface TarReader {
  /** Takes the next bytes. Throws `layer-invalid`. */
  push(chunk: Buffer): void
  /** The archive has ended. Throws `layer-invalid` where it ended too early. */
  end(): void
}

type Expect =
  | 'header'
  | 'extension'
  | 'old-sparse'
  | 'sparse-lines'
  | 'data'
  | 'padding'
  | 'nothing'

const none: Extension = { path: null, target: null, records: new Map(), sparseRecords: [] }

/** Header types of covey's own use: what extends the next entry, and what is passed over. */
const extensionTypes = 'LKxg'

/**
 * A reader of all forms of tar that images come in: v7, ustar, pax, GNU with long names, base-256
 * numbers and its four ways to write sparse files. Pure: it tells what it reads to `events`.
 */
export function createTarReader(events: TarEvents): TarReader {
  return new Reader(events)
}

class Reader implements TarReader {
  private readonly events: TarEvents
  private expect: Expect = 'header'
  /** Bytes of data, extension or padding that are still to come. */
  private left = 0
  private padding = 0
  private block: Buffer = Buffer.alloc(blockBytes)
  private blockFill = 0
  private zeroBlocks = 0
  private extension: Extension = none
  private extensionType = ''
  private parts: Buffer[] = []
  private header: RawHeader | null = null
  private pieces: SparsePiece[] = []
  private realBytes = 0
  private lines: SparseLines | null = null

  constructor(events: TarEvents) {
    this.events = events
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      at += this.left > 0 ? this.takePart(chunk, at) : this.takeBlock(chunk, at)
    }
  }

  end(): void {
    if (this.expect === 'nothing' && isZeros(this.block.subarray(0, this.blockFill))) return
    if (this.zeroBlocks >= 1 && this.blockFill === 0) return
    const isBetween = this.expect === 'header' && this.blockFill === 0 && this.left === 0
    if (!isBetween || this.extension !== none) {
      refuse('layer-invalid', 'the tar archive ends in the middle of an entry')
    }
  }

  /** Takes what is of data, extension or padding. */
  private takePart(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + this.left)
    this.left -= part.length
    if (this.expect === 'data') this.events.data(part)
    if (this.expect === 'extension') this.parts.push(Buffer.from(part))
    if (this.left === 0) this.partEnds()
    return part.length
  }

  private partEnds(): void {
    if (this.expect === 'extension') this.extensionEnds()
    if (this.padding === 0) this.expect = 'header'
    else {
      this.expect = 'padding'
      this.left = this.padding
      this.padding = 0
    }
  }

  /** Gathers one block and acts on it. */
  private takeBlock(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + blockBytes - this.blockFill)
    if (part.length === blockBytes) {
      this.blockIsWhole(part)
      return part.length
    }
    part.copy(this.block, this.blockFill)
    this.blockFill += part.length
    if (this.blockFill === blockBytes) {
      this.blockFill = 0
      this.blockIsWhole(this.block)
    }
    return part.length
  }

  private blockIsWhole(block: Buffer): void {
    if (this.expect === 'old-sparse') return this.takeOldSparse(block)
    if (this.expect === 'sparse-lines') return this.takeSparseLines(block)
    if (this.expect === 'nothing') {
      if (!isZeroBlock(block))
        refuse('layer-invalid', 'there is garbage after the end of the tar archive')
      this.zeroBlocks++
      if (this.zeroBlocks * blockBytes > endPaddingBytesMax)
        refuse('layer-invalid', 'endless zeros follow the end of the tar archive')
      return
    }
    if (isZeroBlock(block)) {
      if (this.extension !== none)
        refuse('layer-invalid', 'the tar archive ends in an extended header')
      this.zeroBlocks++
      if (this.zeroBlocks === 2) this.expect = 'nothing'
      return
    }
    if (this.zeroBlocks > 0)
      refuse('layer-invalid', 'there is garbage after the end of the tar archive')
    this.takeHeader(parseHeader(block), block)
  }

  private takeHeader(header: RawHeader, block: Buffer): void {
    if (header.sizeBytes < 0) refuse('layer-invalid', 'the size of an entry is negative')
    if (extensionTypes.includes(header.type)) return this.extensionBegins(header)
    if (header.type === 'V') return
    this.header = header
    if (header.type === 'S') {
      this.pieces = oldSparsePieces(block, 386, 4)
      this.realBytes = number(block, 483, 12, 'size')
      if (block[482] === 1) this.expect = 'old-sparse'
      else this.entryIsWhole(header, { realBytes: this.realBytes, pieces: this.pieces })
      return
    }
    const { records } = this.extension
    if (records.get('GNU.sparse.major') === '1' && records.get('GNU.sparse.minor') === '0') {
      this.lines = readSparseLines()
      this.realBytes = Number(records.get('GNU.sparse.realsize') ?? Number.NaN)
      if (!Number.isSafeInteger(this.realBytes))
        refuse('layer-invalid', 'a sparse file has no size')
      this.left = 0
      this.expect = 'sparse-lines'
      this.linesBytes = 0
      return
    }
    this.entryIsWhole(header, headerSparseMap(this.extension.sparseRecords))
  }

  private linesBytes = 0

  private takeOldSparse(block: Buffer): void {
    this.pieces.push(...oldSparsePieces(block, 0, 21))
    if (this.pieces.length > sparsePiecesMax)
      refuse('layer-invalid', 'the map of a sparse file is damaged')
    if (block[504] === 1 || this.header === null) return
    this.entryIsWhole(this.header, { realBytes: this.realBytes, pieces: this.pieces })
  }

  private takeSparseLines(block: Buffer): void {
    this.linesBytes += blockBytes
    if (this.lines?.push(block) !== true || this.header === null) return
    const pieces = this.lines.pieces()
    this.entryIsWhole(this.header, { realBytes: this.realBytes, pieces }, this.linesBytes)
  }

  private extensionBegins(header: RawHeader): void {
    if (header.sizeBytes > extensionBytesMax) {
      const message = `an extended header of ${header.sizeBytes} bytes: ${extensionBytesMax} at most`
      refuse('layer-too-large', message)
    }
    this.extensionType = header.type
    this.parts = []
    this.expect = 'extension'
    this.left = header.sizeBytes
    this.padding = paddingOf(header.sizeBytes)
    if (this.left === 0) this.partEnds()
  }

  private extensionEnds(): void {
    const data = Buffer.concat(this.parts)
    this.parts = []
    const { extension, extensionType } = this
    // A global header is for all entries that follow. Container tools pass it over, so whatever an
    // image means rests on no global header; git, for one, puts a mere comment there.
    if (extensionType === 'g') return
    const nul = data.indexOf(0)
    const name = data.toString('latin1', 0, nul === -1 ? data.length : nul)
    if (extensionType === 'L') this.extension = { ...extension, path: name }
    if (extensionType === 'K') this.extension = { ...extension, target: name }
    if (extensionType !== 'x') return
    const sparseRecords: (readonly [string, string])[] = []
    const records = parsePax(data, (key, value) => {
      if (key.startsWith('GNU.sparse.')) sparseRecords.push([key, value])
    })
    this.extension = { ...extension, records, sparseRecords }
  }

  private entryIsWhole(header: RawHeader, sparse: TarEntry['sparse'], mapBytes = 0): void {
    const entry = entryOf(header, this.extension, sparse, mapBytes)
    if (entry.sparse !== null) checkSparse(entry.sparse, entry.dataBytes)
    this.extension = none
    this.header = null
    this.lines = null
    this.left = entry.dataBytes
    this.padding = paddingOf(entry.dataBytes)
    this.expect = 'data'
    this.events.entry(entry)
    if (this.left === 0) this.partEnds()
  }
}
