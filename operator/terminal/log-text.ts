/**
 * Makes what a program wrote fit for a terminal: colours and tabs stay, every other control
 * character becomes `?`, so that what is in a log cannot move the cursor, set the title, or type.
 * Works on bytes, since a log need not be UTF-8.
 */
export function terminalSafe(bytes: Uint8Array): Uint8Array {
  if (!bytes.some((byte) => byte < 0x20 || byte === 0x7f || byte === 0xc2)) return bytes
  const safe = Uint8Array.from(bytes)
  for (let at = 0; at < safe.length; at++) {
    const byte = safe[at] ?? 0
    if (byte === 0x1b) {
      const length = colourLength(bytes, at)
      if (length === 0) safe[at] = questionMark
      else at += length - 1
    } else if (byte === 0xc2 && (safe[at + 1] ?? 0) >= 0x80 && (safe[at + 1] ?? 0) < 0xa0) {
      // C1 control characters in UTF-8; some terminals take them as ESC and a letter.
      safe[at] = questionMark
      safe[at + 1] = questionMark
      at++
    } else if ((byte < 0x20 && byte !== tab) || byte === 0x7f) safe[at] = questionMark
  }
  return safe
}

const questionMark = 0x3f
const tab = 0x09
/** A colour takes a handful of numbers; longer sequences are none. */
const colourBytesMax = 32

/** Length of a colour (`ESC [ … m`, ECMA-48 SGR) that begins here, or 0. */
function colourLength(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== 0x5b) return 0
  for (let end = at + 2; end < at + colourBytesMax && end < bytes.length; end++) {
    const byte = bytes[end] ?? 0
    if (byte === 0x6d) return end + 1 - at
    const isParameter = byte >= 0x30 && byte <= 0x3b
    if (!isParameter) return 0
  }
  return 0
}
