import { refuse } from './refuse.ts'

/**
 * Records of an extended header (POSIX pax, extended header): `LENGTH KEY=VALUE\n`, the length
 * being that of the whole record. Keys and values as bytes (latin1); the last of equal keys counts.
 *
 * The older sparse formats of GNU tar repeat keys, in order; `onRecord` hears every record.
 */
export function parsePax(
  data: Buffer,
  onRecord: (key: string, value: string) => void = () => {},
): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const blank = data.indexOf(0x20, at)
    const digits = blank === -1 ? '' : data.toString('latin1', at, blank)
    const end = at + Number(digits)
    const isWhole = /^[1-9]\d{0,8}$/.test(digits) && end <= data.length && data[end - 1] === 0x0a
    const equals = data.indexOf(0x3d, blank)
    if (!isWhole || equals === -1 || equals >= end) {
      refuse('layer-invalid', 'an extended (pax) header is damaged')
    }
    const key = data.toString('latin1', blank + 1, equals)
    const value = data.toString('latin1', equals + 1, end - 1)
    onRecord(key, value)
    records.set(key, value)
    at = end
  }
  return records
}

/** One record; its length counts itself. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length
  return Buffer.from(`${length}${rest}`, 'latin1')
}

/** A whole number of 0 or more in a record. */
export function paxNumber(value: string, what: string): number {
  const number = Number(value)
  if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(number)) {
    refuse(
      'layer-invalid',
      `the ${what} in an extended (pax) header is not a number, or is too large`,
    )
  }
  return number
}

/** A moment: whole seconds since 1970, and the part of a second as at most 9 digits after it. */
export interface Moment {
  readonly seconds: number
  /** Without trailing zeros; empty for none. A negative moment is `-seconds.fraction`. */
  readonly fraction: string
  readonly isNegative: boolean
}

/** A time as `1700000000.25`, also negative. */
export function paxTime(value: string): Moment {
  const [, minus, seconds = '', fraction = ''] = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(value) ?? []
  if (seconds === '') refuse('layer-invalid', 'a time in an extended (pax) header is invalid')
  const digits = fraction.slice(0, 9).replace(/0+$/, '')
  return { seconds: Number(seconds), fraction: digits, isNegative: minus === '-' }
}
