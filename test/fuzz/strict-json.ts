/** A JSON value as it was written: members in their order, those that stand twice among them. */
export type Written =
  | { readonly kind: 'string'; readonly value: string; readonly token: string }
  | { readonly kind: 'word'; readonly token: string }
  | { readonly kind: 'list'; readonly items: readonly Written[]; readonly depth: number }
  | {
      readonly kind: 'object'
      readonly members: readonly (readonly [name: string, value: Written])[]
      /** The names as they were spelled. */
      readonly names: readonly Written[]
      readonly depth: number
    }

const string = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const word = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const space = /[ \t\n\r]*/y

/** Where a parser stands in a text. */
interface Reader {
  /** Takes the next text, if it fits the pattern. */
  take(pattern: RegExp): string | null
  /** True if this character comes next; takes it then. */
  is(character: string): boolean
  isAtEnd(): boolean
}

function readerOf(text: string, tight: boolean): Reader {
  let at = 0
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found === null) return null
    at = pattern.lastIndex
    return found[0]
  }
  const skip = (): void => {
    if (!tight) match(space)
  }
  return {
    take(pattern) {
      skip()
      return match(pattern)
    },
    is(character) {
      skip()
      if (text[at] !== character) return false
      at++
      return true
    },
    isAtEnd() {
      skip()
      return at === text.length
    },
  }
}

/**
 * A parser of JSON by the grammar of RFC 8259, for tests: it shares nothing with covey's. Returns
 * null where the text is no JSON; with `tight` white space is none either.
 */
export function parseWritten(text: string, tight: boolean): Written | null {
  const reader = readerOf(text, tight)
  const whole = readValue(reader, 1)
  return reader.isAtEnd() ? whole : null
}

function readValue(reader: Reader, depth: number): Written | null {
  if (reader.is('[')) {
    const items: Written[] = []
    const isWhole = readParts(reader, ']', () => {
      const item = readValue(reader, depth + 1)
      if (item !== null) items.push(item)
      return item !== null
    })
    return isWhole ? { kind: 'list', items, depth } : null
  }
  if (!reader.is('{')) return readScalar(reader)
  const members: [string, Written][] = []
  const names: Written[] = []
  const isWhole = readParts(reader, '}', () => {
    const name = readScalar(reader)
    if (name?.kind !== 'string' || !reader.is(':')) return false
    const held = readValue(reader, depth + 1)
    if (held === null) return false
    members.push([name.value, held])
    names.push(name)
    return true
  })
  return isWhole ? { kind: 'object', members, names, depth } : null
}

function readParts(reader: Reader, end: string, part: () => boolean): boolean {
  if (reader.is(end)) return true
  do if (!part()) return false
  while (reader.is(','))
  return reader.is(end)
}

function readScalar(reader: Reader): Written | null {
  const quoted = reader.take(string)
  if (quoted !== null) return { kind: 'string', value: JSON.parse(quoted), token: quoted }
  const token = reader.take(word)
  return token === null ? null : { kind: 'word', token }
}

/** Every value inside a value, itself first. */
export function everyPart(whole: Written): readonly Written[] {
  if (whole.kind === 'list') return [whole, ...whole.items.flatMap(everyPart)]
  if (whole.kind === 'object')
    return [whole, ...whole.names, ...whole.members.flatMap(([, value]) => everyPart(value))]
  return [whole]
}

/** True if a text is canonical in the sense of docs/PROTOCOL.md, J2 to J7. */
export function isCanonical(text: string): boolean {
  const whole = parseWritten(text, true)
  return whole !== null && everyPart(whole).every(isCanonicalPart)
}

function isCanonicalPart(part: Written): boolean {
  if (part.kind === 'string') return JSON.stringify(part.value) === part.token
  if (part.kind === 'word') {
    if (['true', 'false', 'null'].includes(part.token)) return true
    return Number.isSafeInteger(Number(part.token)) && String(Number(part.token)) === part.token
  }
  if (part.depth > 32) return false
  if (part.kind === 'list') return true
  const names = part.members.map(([name]) => name)
  if (new Set(names).size !== names.length || names.includes('__proto__')) return false
  // JSON.stringify writes members named like an array's index first, from the lowest.
  const isIndex = (name: string): boolean =>
    /^(0|[1-9]\d*)$/.test(name) && Number(name) < 2 ** 32 - 1
  const indexes = names.filter(isIndex)
  const sorted = [...indexes].sort((a, b) => Number(a) - Number(b))
  const written = [...sorted, ...names.filter((name) => !isIndex(name))]
  return names.join('\n') === written.join('\n')
}

/** No member twice and none named `__proto__`, whatever the spelling (E3). */
export function hasPlainMembers(whole: Written): boolean {
  return everyPart(whole).every((part) => {
    if (part.kind !== 'object') return true
    const names = part.members.map(([name]) => name)
    return new Set(names).size === names.length && !names.includes('__proto__')
  })
}
