import { sparsePiecesMax } from './limits.ts'
import { paxNumber } from './pax.ts'
import { refuse } from './refuse.ts'
import { blockBytes, number } from './tar-header.ts'

/** One piece of a sparse file that is stored; between the pieces are holes. */
export interface SparsePiece {
  readonly offset: number
  readonly bytes: number
}

/** A file with holes. */
export interface SparseMap {
  readonly realBytes: number
  readonly pieces: readonly SparsePiece[]
}

/** Checks that pieces follow each other, lie in the file, and are what is stored of it. */
export function checkSparse(map: SparseMap, storedBytes: number): SparseMap {
  let at = 0
  let stored = 0
  for (const { offset, bytes } of map.pieces) {
    if (offset < at || offset + bytes > map.realBytes) damaged()
    at = offset + bytes
    stored += bytes
  }
  if (stored !== storedBytes || map.pieces.length > sparsePiecesMax) damaged()
  return map
}

function damaged(): never {
  refuse('layer-invalid', 'the map of a sparse file is damaged')
}

/** Pieces of GNU's old sparse format in one block: up to `count` pairs from `start` on. */
export function oldSparsePieces(block: Buffer, start: number, count: number): SparsePiece[] {
  const pieces: SparsePiece[] = []
  for (let index = 0; index < count; index++) {
    const at = start + index * 24
    // An unused pair is empty.
    if (block[at] === 0 && block[at + 12] === 0) break
    const offset = number(block, at, 12, 'map')
    const bytes = number(block, at + 12, 12, 'map')
    if (offset < 0 || bytes < 0) damaged()
    pieces.push({ offset, bytes })
  }
  return pieces
}

/** Records of GNU's sparse formats 0.0 and 0.1, which have the map in the extended header. */
export function headerSparseMap(
  records: readonly (readonly [key: string, value: string])[],
): SparseMap | null {
  const value = (name: string): string | undefined =>
    records.findLast(([key]) => key === `GNU.sparse.${name}`)?.[1]
  const size = value('size')
  if (size === undefined) return null
  const list = value('map')
  const numbers =
    list === undefined
      ? records.flatMap(([key, text]) =>
          /^GNU\.sparse\.(offset|numbytes)$/.test(key) ? [text] : [],
        )
      : list.split(',').filter((text) => text !== '')
  if (numbers.length % 2 !== 0 || numbers.length > 2 * sparsePiecesMax) damaged()
  const pieces: SparsePiece[] = []
  for (let at = 0; at < numbers.length; at += 2) {
    const [offset = '', bytes = ''] = numbers.slice(at, at + 2)
    pieces.push({ offset: paxNumber(offset, 'map'), bytes: paxNumber(bytes, 'map') })
  }
  return { realBytes: paxNumber(size, 'size'), pieces }
}

/** Reads the map of GNU's sparse format 1.0, which stands in lines before the data. */
export interface SparseLines {
  /** Takes one block; true once the map is whole. */
  push(block: Buffer): boolean
  pieces(): readonly SparsePiece[]
}

/** Begins to read a map of format 1.0. */
export function readSparseLines(): SparseLines {
  const numbers: number[] = []
  let rest = ''
  return {
    push(block) {
      const lines = (rest + block.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const isWhole = numbers.length > 0 && numbers.length === 1 + 2 * (numbers[0] ?? 0)
        if (isWhole) break
        numbers.push(paxNumber(line, 'map'))
        if ((numbers[0] ?? 0) > sparsePiecesMax) damaged()
      }
      if (rest.length > blockBytes) damaged()
      return numbers.length > 0 && numbers.length === 1 + 2 * (numbers[0] ?? 0)
    },
    pieces() {
      const pieces: SparsePiece[] = []
      for (let at = 1; at < numbers.length; at += 2) {
        pieces.push({ offset: numbers[at] ?? 0, bytes: numbers[at + 1] ?? 0 })
      }
      return pieces
    },
  }
}

/** A map in format 1.0, filled up to whole blocks. */
export function sparseLines(map: SparseMap): Buffer {
  const last = map.pieces.at(-1)
  // GNU tar ends a file with its last piece, so a hole at the end takes an empty one after it.
  const end = last === undefined ? 0 : last.offset + last.bytes
  const pieces =
    end < map.realBytes ? [...map.pieces, { offset: map.realBytes, bytes: 0 }] : map.pieces
  const numbers = [pieces.length, ...pieces.flatMap(({ offset, bytes }) => [offset, bytes])]
  const lines = Buffer.from(numbers.map((each) => `${each}\n`).join(''), 'latin1')
  const padded = Buffer.alloc(Math.ceil(lines.length / blockBytes) * blockBytes)
  lines.copy(padded)
  return padded
}
