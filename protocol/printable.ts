/**
 * Characters that can move a cursor, set a title, turn the direction of a text or hide it: control
 * characters (C0, DEL, C1), format characters and the two line separators of Unicode.
 */
const unprintable = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** A text without control characters and direction marks, for a terminal: each becomes `?`. */
export function printable(text: string): string {
  return text.replace(unprintable, '?')
}

/** A text as one printable line: line breaks and the space around them become one space. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n]+\s*/g, ' '))
}

/**
 * JSON that means the same and is safe on a terminal: JSON.stringify leaves DEL, C1 and format
 * characters as they are, here they become `\uXXXX`. They only stand in strings. The line feeds of
 * indented JSON stay.
 */
export function escapedJson(json: string): string {
  return json.replace(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, (character) => {
    const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
  })
}
