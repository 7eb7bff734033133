const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const bitsOf = new Map([...alphabet].map((character, value) => [character, value]))

/**
 * True if `text` is the one canonical spelling of some bytes (RFC 4648 section 5, no padding): only
 * the alphabet, a possible length, and no set bits in the part of the last character that carries
 * no data (section 3.5). Several spellings of the same bytes would give one signature several
 * texts.
 */
export function isCanonicalBase64url(text: string): boolean {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return false
  const rest = text.length % 4
  if (rest === 0) return true
  if (rest === 1) return false
  const last = bitsOf.get(text.charAt(text.length - 1)) ?? 0
  return (rest === 2 ? last & 15 : last & 3) === 0
}

/** The bytes of a canonical base64url text, or undefined if it is not one. For small texts. */
export function decodeBase64url(text: string): Uint8Array | undefined {
  if (!isCanonicalBase64url(text)) return undefined
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (const character of text) {
    bits = ((bits << 6) | (bitsOf.get(character) ?? 0)) & 0xffff
    held += 6
    if (held >= 8) {
      held -= 8
      bytes[at++] = (bits >> held) & 0xff
    }
  }
  return bytes
}
