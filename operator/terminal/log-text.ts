/**
 * Makes what a program wrote fit for a terminal: colours and tabs stay, every other control
 * character and every mark that turns the direction of a text becomes `?`, so that what is in a log
 * cannot move the cursor, set the title, type, or show another order than it has. Works on bytes,
 * since a log need not be UTF-8: what is no part of a character stays, unless a terminal that
 * knows no UTF-8 would take it for a control character.
 */
export function terminalSafe(bytes: Uint8Array): Uint8Array {
  if (!bytes.some((byte) => byte < 0x20 || byte >= 0x7f)) return bytes
  const safe = Uint8Array.from(bytes)
  for (let at = 0; at < safe.length; ) {
    const byte = safe[at] ?? 0
    const length = byte === 0x1b ? colourLength(bytes, at) : characterLength(bytes, at)
    const kept = byte === 0x1b ? length > 0 : isHarmless(bytes.subarray(at, at + length))
    const next = at + Math.max(1, length)
    if (!kept) safe.fill(questionMark, at, next)
    at = next
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

/** Length of the UTF-8 character (RFC 3629) that begins here; 1 for a byte that begins none. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  const length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1
  if (lead >= 0xf5 || at + length > bytes.length) return 1
  for (let next = at + 1; next < at + length; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 1
  }
  return length
}

/** One character, or one byte that is no part of one. */
function isHarmless(character: Uint8Array): boolean {
  const [byte = 0] = character
  if (byte < 0x80) return (byte >= 0x20 && byte !== 0x7f) || byte === tab
  if (character.length === 1) return byte >= 0xa0
  return !/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(Buffer.from(character).toString('utf8'))
}
