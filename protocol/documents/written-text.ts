/** Reason that bytes are not valid UTF-8 text, and the offset of the first bad byte. */
export interface EncodingFault {
  readonly offset: number
  /** Fault and remedy, without a full stop. */
  readonly message: string
}

/** Length of the byte order mark that UTF-8 may begin with: it says nothing, and is left out. */
export function byteOrderMarkLength(bytes: Uint8Array): 0 | 3 {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

/** Looks for what keeps bytes from being a text in UTF-8 (RFC 3629), or returns null. */
export function encodingFault(bytes: Uint8Array): EncodingFault | null {
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { offset: 0, message: 'the file is in UTF-16, save it in UTF-8' }
  }
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0
    if (byte === 0) {
      // Text of another encoding has one beside every letter.
      const isWide = at <= 1
      const why = isWide ? 'the file is in UTF-16 or UTF-32, save it in UTF-8' : 'a NUL byte'
      return { offset: at, message: isWide ? why : `${why}, so this is not text` }
    }
    const length = sequenceLength(bytes, at)
    if (length === 0) {
      return { offset: at, message: 'the file is not in UTF-8 here, save it in UTF-8' }
    }
    at += length
  }
  return null
}

/** Bytes of the character at `at`, or 0 where there is none: the table of RFC 3629, section 4. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  if (lead < 0x80) return 1
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4) return 0
  const second = bytes[at + 1] ?? 0
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let next = 2; next < length; next++) {
    if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return 0
  }
  return length
}
