import { refuse } from './refuse.ts'

/** Tar works in blocks of this many bytes (POSIX pax, ustar interchange format). */
export const blockBytes: number = 512

/**
 * The fields of one header block, before extended headers are applied. Texts are bytes (latin1).
 */
export interface RawHeader {
  readonly name: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  /** Seconds since 1970. */
  readonly mtime: number
  /** The type flag, as one character; `\0` is a file from before ustar. */
  readonly type: string
  readonly linkName: string
  readonly major: number
  readonly minor: number
  readonly isGnu: boolean
}

const zeroBlock: Buffer = Buffer.alloc(blockBytes)

/** True if a block is all zeros; two of them end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && zeroBlock.equals(block)
}

/** True if at most one block of bytes is all zeros. */
export function isZeros(bytes: Buffer): boolean {
  return zeroBlock.subarray(0, bytes.length).equals(bytes)
}

/** Bytes that fill the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes
}

/** Reads a header block. Throws `layer-invalid` with what is wrong in it. */
export function parseHeader(block: Buffer): RawHeader {
  if (!checksumFits(block)) {
    refuse(
      'layer-invalid',
      'a header has a wrong checksum: this is not a tar archive, or it is damaged',
    )
  }
  const magic = block.toString('latin1', 257, 265)
  const isGnu = magic === 'ustar  \0'
  const isUstar = magic.startsWith('ustar\0')
  const prefix = isUstar ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8, 'mode'),
    uid: number(block, 108, 8, 'owner'),
    gid: number(block, 116, 8, 'group'),
    sizeBytes: number(block, 124, 12, 'size'),
    mtime: number(block, 136, 12, 'time'),
    type: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
    major: isGnu || isUstar ? number(block, 329, 8, 'device number') : 0,
    minor: isGnu || isUstar ? number(block, 337, 8, 'device number') : 0,
    isGnu,
  }
}

/** Text up to the first NUL, as bytes. */
function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start)
  const stop = end === -1 || end > start + length ? start + length : end
  return block.toString('latin1', start, stop)
}

/**
 * A number field: octal digits with blanks around them, or GNU's base-256, whose first byte is 0x80
 * (or 0xff where it is negative).
 */
export function number(block: Buffer, start: number, length: number, what: string): number {
  const first = block[start] ?? 0
  if (first >= 0x80) return base256(block.subarray(start, start + length), what)
  const digits = text(block, start, length).trim()
  if (digits === '') return 0
  if (!/^[0-7]+$/.test(digits)) refuse('layer-invalid', `the ${what} of an entry is not a number`)
  const value = Number.parseInt(digits, 8)
  if (!Number.isSafeInteger(value)) refuse('layer-invalid', `the ${what} of an entry is too large`)
  return value
}

function base256(field: Buffer, what: string): number {
  const isNegative = field[0] === 0xff
  let value = isNegative ? -1n : BigInt((field[0] ?? 0) & 0x7f)
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte)
  const small = Number(value)
  if (!Number.isSafeInteger(small)) refuse('layer-invalid', `the ${what} of an entry is too large`)
  return small
}

/** The sum of all bytes with the checksum's own as blanks; old programs summed signed bytes. */
function checksumFits(block: Buffer): boolean {
  const stored = Number.parseInt(text(block, 148, 8).trim(), 8)
  let unsigned = 0
  let high = 0
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0)
    unsigned += byte
    high += byte >> 7
  }
  return stored === unsigned || stored === unsigned - 256 * high
}
