/**
 * Hint for a word that is not a JSON value, for mistakes that people make often; null
 * where there is nothing special about it. `character` is the one that it begins with.
 */
export function wordFault(found: string, character: string): string | null {
  if (/^(\/[/*]|#)/.test(found)) return 'JSON has no comments, remove it'
  if (/^['`‘’“”]/.test(character)) return 'strings and names must be in double quotes (")'
  if (/^[\s\u200b\ufeff]/.test(character)) return 'an invisible character, remove it'
  if (character.charCodeAt(0) < 0x20) return 'a control character, remove it'
  if (/^[-+.\d]/.test(found)) {
    const shown = JSON.stringify(found.slice(0, 40))
    return `${shown} is not a number, write 15 or -15, without leading zeros`
  }
  return null
}
