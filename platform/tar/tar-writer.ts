import { paxRecord } from './pax.ts'
import { sparseLines } from './sparse.ts'
import type { EntryKind, TarEntry } from './tar-entry.ts'
import { blockBytes, paddingOf } from './tar-header.ts'

const types: Readonly<Record<EntryKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  folder: '5',
  fifo: '6',
}

const octalMax = 0o77777777777
const idOctalMax = 0o7777777

/** Two blocks of zeros end an archive. */
export const archiveEnd: Buffer = Buffer.alloc(2 * blockBytes)

/** Zeros that fill the last block of an entry's data. */
export function padding(dataBytes: number): Buffer {
  return archiveEnd.subarray(0, paddingOf(dataBytes))
}

/**
 * Headers of one entry, in the one form that covey hands to `tar`: ustar, GNU's long names, which
 * no locale can change, and a pax header for what neither can hold. Its data must follow, and
 * `padding`.
 */
export function entryHeaders(entry: TarEntry): Buffer {
  const parts: Buffer[] = []
  if (entry.path.length > 100) parts.push(longName('L', entry.path))
  if (entry.target.length > 100) parts.push(longName('K', entry.target))
  const map = entry.sparse === null ? null : sparseLines(entry.sparse)
  const storedBytes = entry.dataBytes + (map?.length ?? 0)
  const records = recordsOf(entry, storedBytes)
  if (records.length > 0)
    parts.push(block('x', 'pax', { sizeBytes: records.length }), padded(records))
  parts.push(block(types[entry.kind], entry.path, { ...entry, sizeBytes: storedBytes }))
  if (map !== null) parts.push(map)
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

function longName(type: 'L' | 'K', name: string): Buffer {
  const bytes = Buffer.from(`${name}\0`, 'latin1')
  return Buffer.concat([block(type, '././@LongLink', { sizeBytes: bytes.length }), padded(bytes)])
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, padding(bytes.length)])
}

function recordsOf(entry: TarEntry, storedBytes: number): Buffer {
  const records: Buffer[] = []
  const { time, sparse } = entry
  if (time.fraction !== '' || time.isNegative || time.seconds > octalMax) {
    const fraction = time.fraction === '' ? '' : `.${time.fraction}`
    records.push(paxRecord('mtime', `${time.isNegative ? '-' : ''}${time.seconds}${fraction}`))
  }
  if (storedBytes > octalMax) records.push(paxRecord('size', String(storedBytes)))
  if (entry.uid > idOctalMax) records.push(paxRecord('uid', String(entry.uid)))
  if (entry.gid > idOctalMax) records.push(paxRecord('gid', String(entry.gid)))
  for (const [name, value] of entry.xattrs) records.push(paxRecord(`SCHILY.xattr.${name}`, value))
  if (sparse !== null) {
    records.push(
      paxRecord('GNU.sparse.major', '1'),
      paxRecord('GNU.sparse.minor', '0'),
      paxRecord('GNU.sparse.realsize', String(sparse.realBytes)),
    )
  }
  return Buffer.concat(records)
}

interface BlockFields extends Partial<TarEntry> {
  readonly sizeBytes: number
}

/** One ustar header block (POSIX pax, ustar interchange format). */
function block(type: string, name: string, fields: BlockFields): Buffer {
  const header = Buffer.allocUnsafe(blockBytes).fill(0)
  const octal = (value: number, at: number, digits: number): void => {
    header.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  }
  const fitting = (value: number | undefined, max: number): number => {
    return value === undefined || value > max ? 0 : value
  }
  const { time } = fields
  header.write(name.slice(0, 100), 0, 'latin1')
  octal(fields.mode ?? 0o644, 100, 7)
  octal(fitting(fields.uid, idOctalMax), 108, 7)
  octal(fitting(fields.gid, idOctalMax), 116, 7)
  octal(fitting(fields.sizeBytes, octalMax), 124, 11)
  octal(time?.isNegative === true ? 0 : fitting(time?.seconds, octalMax), 136, 11)
  header.write(' '.repeat(8), 148, 'latin1')
  header.write(type, 156, 'latin1')
  header.write((fields.target ?? '').slice(0, 100), 157, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  octal(fitting(fields.major, idOctalMax), 329, 7)
  octal(fitting(fields.minor, idOctalMax), 337, 7)
  let sum = 0
  for (let at = 0; at < blockBytes; at++) sum += header[at] ?? 0
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}
