import { paxRecord } from '../../../../platform/tar/pax.ts'

/** The form of an entry; each is a form that some program wrote once. */
export type Form = 'v7' | 'ustar' | 'gnu' | 'pax'

/** One entry as a stranger's program would write it. Texts are bytes (latin1). */
export interface RawEntry {
  /** The type flag: `0` for a file, `\0` for one of before ustar. */
  readonly type: string
  readonly path: string
  readonly form?: Form
  readonly target?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly seconds?: number
  /** Of the time, as digits; only pax can say it. */
  readonly fraction?: string
  readonly content?: string
  readonly xattrs?: Readonly<Record<string, string>>
  readonly major?: number
  readonly minor?: number
  /** Further records of a pax header. */
  readonly records?: Readonly<Record<string, string>>
  /** Of type `S`: where the one stored piece of a file with holes is, and its whole size. */
  readonly hole?: { readonly offset: number; readonly realBytes: number }
}

const block = 512

/** Zeros up to a whole block. */
export function filled(bytes: Buffer): Buffer {
  const whole = Buffer.alloc(Math.ceil(bytes.length / block) * block)
  bytes.copy(whole)
  return whole
}

function header(entry: RawEntry, form: Form, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(block)
  const octal = (value: number, at: number, digits: number): void => {
    bytes.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  }
  const { name, prefix } = split(entry.path, form)
  bytes.write(name, 0, 'latin1')
  octal(entry.mode ?? 0o644, 100, 7)
  octal(entry.uid ?? 0, 108, 7)
  octal(entry.gid ?? 0, 116, 7)
  octal(sizeBytes, 124, 11)
  octal(entry.seconds ?? 1_000_000, 136, 11)
  bytes.write(entry.type, 156, 'latin1')
  bytes.write((entry.target ?? '').slice(0, 100), 157, 'latin1')
  if (form === 'ustar' || form === 'pax') bytes.write('ustar\x0000', 257, 'latin1')
  if (form === 'gnu') bytes.write('ustar  \0', 257, 'latin1')
  if (form !== 'v7') {
    octal(entry.major ?? 0, 329, 7)
    octal(entry.minor ?? 0, 337, 7)
  }
  if (form !== 'gnu') bytes.write(prefix, 345, 'latin1')
  if (entry.hole !== undefined) {
    octal(entry.hole.offset, 386, 11)
    octal(sizeBytes, 398, 11)
    octal(entry.hole.realBytes, 483, 11)
  }
  bytes.write(' '.repeat(8), 148, 'latin1')
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

/** Ustar puts the folders of a long path into a field of their own. */
function split(path: string, form: Form): { readonly name: string; readonly prefix: string } {
  if (form !== 'ustar' || path.length <= 60) return { name: path.slice(0, 100), prefix: '' }
  const slash = path.lastIndexOf('/', path.length - 2)
  const fits = slash > 0 && slash <= 155 && path.length - slash - 1 <= 100
  if (!fits) return { name: path.slice(0, 100), prefix: '' }
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) }
}

/** One entry with all that stands before it, and its data. */
export function rawEntry(entry: RawEntry): Buffer {
  const { path, target = '', xattrs = {}, content = '', fraction = '' } = entry
  const isLong = path.length > 100 || target.length > 100
  const needsPax = Object.keys(xattrs).length > 0 || fraction !== '' || entry.records !== undefined
  let form = entry.form ?? 'ustar'
  const fitsUstar = target.length <= 100 && (!isLong || split(path, 'ustar').prefix !== '')
  if (needsPax || (isLong && (form === 'v7' || (form === 'ustar' && !fitsUstar)))) form = 'pax'
  const parts: Buffer[] = []
  const before = (type: string, name: string, data: Buffer): void => {
    parts.push(header({ type, path: name }, form, data.length), filled(data))
  }
  if (form === 'gnu') {
    const name = '././@LongLink'
    if (path.length > 100) before('L', name, Buffer.from(`${path}\0`, 'latin1'))
    if (target.length > 100) before('K', name, Buffer.from(`${target}\0`, 'latin1'))
  }
  if (form === 'pax') {
    const records = { ...entry.records } as Record<string, string>
    if (path.length > 100) records['path'] = path
    if (target.length > 100) records['linkpath'] = target
    if (fraction !== '') records['mtime'] = `${entry.seconds ?? 1_000_000}.${fraction}`
    for (const [name, value] of Object.entries(xattrs)) records[`SCHILY.xattr.${name}`] = value
    const data = Object.entries(records).map(([key, value]) => paxRecord(key, value))
    if (data.length > 0) before('x', 'pax', Buffer.concat(data))
  }
  const data = Buffer.from(content, 'latin1')
  parts.push(header(entry, form, data.length), filled(data))
  return Buffer.concat(parts)
}

/** A layer of these entries, with the usual end. */
export function rawTar(entries: readonly RawEntry[], end: Buffer = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...entries.map(rawEntry), end])
}
