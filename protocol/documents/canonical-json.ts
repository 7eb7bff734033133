import { bad, type Checked, good } from '../fault.ts'
import { jsonDepthMax } from '../limits.ts'

/** Any JSON value whose numbers are safe integers. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [member: string]: Json }

/** The member by which some parsers let a text change how its object behaves. */
const forbidden = '__proto__'

/** A JSON object, as opposed to an array, null or a scalar. */
export function isObject(value: unknown): value is { readonly [member: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Parses a payload. Only texts that `JSON.stringify` would write are taken, so that every parser,
 * in any language, reads the same document (RFC 8259 section 4 leaves duplicate members to chance).
 *
 * Faults: `too-deep`, `not-json`, `duplicate-member`, `unsafe-integer`, `forbidden-member`,
 * `not-canonical`.
 */
export function parseCanonicalJson(text: string): Checked<Json> {
  if (depthOf(text) > jsonDepthMax) {
    return bad('too-deep', `JSON is nested deeper than ${jsonDepthMax} levels`)
  }
  let value: Json
  try {
    value = JSON.parse(text)
  } catch {
    return bad('not-json', 'not valid JSON')
  }
  // A member that stood twice would be written once, so an equal text needs no slow search for it.
  if (JSON.stringify(value) === text && hasSoundParts(value)) return good(value)
  const finding = inspect(text)
  if (finding !== undefined) return bad(finding.code, finding.message, finding.path)
  return bad(
    'not-canonical',
    'JSON is not in canonical form (white space, escapes or member order)',
  )
}

/** True if all numbers are safe integers and no member is forbidden. Recurses: depth is bounded. */
function hasSoundParts(value: Json): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(hasSoundParts)
  return Object.entries(value).every(([name, part]) => name !== forbidden && hasSoundParts(part))
}

/** Deepest nesting of arrays and objects. Brackets inside strings do not count; no recursion. */
export function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === 0x5c) at++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (code === 0x5d || code === 0x7d) depth--
  }
  return deepest
}

interface Finding {
  readonly code: string
  readonly message: string
  readonly path: string
}

interface Frame {
  readonly members: Set<string> | undefined
  readonly path: string
  key: string
  index: number
}

/**
 * Index just past the string that starts at `start`. No regular expression: strings can be
 * megabytes.
 */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5c) at++
    else if (code === 0x22) return at + 1
  }
  return text.length
}

/**
 * Finds what `JSON.parse` accepts silently: a duplicate member, `__proto__`, a number that is no
 * safe integer. `text` is known to be valid JSON. Walks without recursion, so depth cannot hurt it.
 */
export function inspect(text: string): Finding | undefined {
  const frames: Frame[] = []
  let expectsKey = false
  let at = 0
  while (at < text.length) {
    const start = at++
    const character = text.charAt(start)
    const frame = frames.at(-1)
    if (character === '{' || character === '[') {
      const path = frame === undefined ? '' : pathIn(frame)
      const members = character === '{' ? new Set<string>() : undefined
      frames.push({ members, path, key: '', index: 0 })
      expectsKey = members !== undefined
    } else if (character === '}' || character === ']') {
      frames.pop()
      expectsKey = false
    } else if (character === ',') {
      if (frame !== undefined) frame.index++
      expectsKey = frame?.members !== undefined
    } else if (character === ':') {
      expectsKey = false
    } else if (character === '"') {
      at = endOfString(text, start)
      if (!expectsKey || frame?.members === undefined) continue
      const found = inspectKey(frame, frame.members, JSON.parse(text.slice(start, at)))
      if (found !== undefined) return found
    } else if (character === '-' || (character >= '0' && character <= '9')) {
      while (at < text.length && '0123456789.eE+-'.includes(text.charAt(at))) at++
      const number = text.slice(start, at)
      if (Number.isSafeInteger(Number(number))) continue
      const path = frame === undefined ? '' : pathIn(frame)
      const message = `${number.slice(0, 40)} is not an integer within 2^53-1`
      return { code: 'unsafe-integer', message, path }
    }
  }
  return undefined
}

function inspectKey(frame: Frame, members: Set<string>, key: string): Finding | undefined {
  frame.key = key
  if (members.has(key)) {
    return { code: 'duplicate-member', message: 'duplicate member', path: pathIn(frame) }
  }
  if (key === forbidden) {
    return {
      code: 'forbidden-member',
      message: 'this member name is not allowed',
      path: pathIn(frame),
    }
  }
  members.add(key)
  return undefined
}

function pathIn(frame: Frame): string {
  const step = frame.members === undefined ? String(frame.index) : frame.key
  return frame.path === '' ? step : `${frame.path}.${step}`
}
