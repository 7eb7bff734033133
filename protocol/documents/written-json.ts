import type { Fault } from '../fault.ts'
import { jsonDepthMax } from '../limits.ts'
import { endOfString } from './canonical-json.ts'
import { wordFault } from './json-mistakes.ts'

/** A fault and the place in the text that it is about, counted in UTF-16 units from 0. */
interface PlacedFault {
  readonly offset: number
  /** Its message says what to do, in the same sentence. */
  readonly fault: Fault
}

/** Content of a JSON text, or its first fault. */
export interface WrittenJson {
  /** Undefined where there are faults. */
  readonly value: unknown
  /** The first mistake of syntax alone, or else everything that JSON.parse would pass over. */
  readonly faults: readonly PlacedFault[]
  /** Offsets of members and elements by path (`hosts.cloud01.address`), if they were asked for. */
  readonly places: ReadonlyMap<string, number>
}

/**
 * Reads JSON that a person has written (RFC 8259), and says of what is wrong where it is and what
 * to do. Faults: `not-json`, `too-deep`, `duplicate-member`, `forbidden-member`, `unsafe-integer`.
 * Both the agent and the operator read such files with this. Walks without recursion.
 */
export function readWrittenJson(text: string, wantsPlaces: boolean = false): WrittenJson {
  const scan = new Scan(text, wantsPlaces)
  const broken = scan.run()
  const faults = broken === null ? scan.findings : [broken]
  const value: unknown = faults.length === 0 ? JSON.parse(text) : undefined
  return { value, faults, places: scan.places }
}

/** Line and column of an offset, both from 1. */
export function positionIn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

interface Frame {
  /** Null for an array. */
  readonly members: Set<string> | null
  readonly path: string
  readonly opensAt: number
  key: string
  index: number
}

/** The next expected token. `first` is a key or value, or the end of what was just opened. */
type Expected = 'first' | 'key' | 'colon' | 'value' | 'comma' | 'end'

/** Paths get no longer than this, or a deep text would take memory by the square of its depth. */
const pathLengthMax = 4096
const white = ' \t\n\r'
const word = /[^\s,:[\]{}"]+/y
const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const escapes = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

class Scan {
  readonly findings: PlacedFault[] = []
  readonly places = new Map<string, number>()
  private readonly frames: Frame[] = []
  private readonly text: string
  private readonly wantsPlaces: boolean
  private expected: Expected = 'value'
  private at = 0

  constructor(text: string, wantsPlaces: boolean) {
    this.text = text
    this.wantsPlaces = wantsPlaces
  }

  /** Walks the whole text. Returns the mistake at which it ends early, or null. */
  run(): PlacedFault | null {
    for (; this.at < this.text.length; ) {
      const character = this.text.charAt(this.at)
      if (white.includes(character)) {
        this.at++
        continue
      }
      const broken = this.take(character)
      if (broken !== null) return broken
    }
    return this.expected === 'end' ? null : this.endsEarly()
  }

  private take(character: string): PlacedFault | null {
    if (character === '{' || character === '[') return this.open(character)
    if (character === '}' || character === ']') return this.close(character)
    if (character === '"') return this.string()
    if (character === ',') return this.comma()
    if (character === ':') {
      if (this.expected !== 'colon') return this.misplaced('a colon')
      this.expected = 'value'
      this.at++
      return null
    }
    return this.word(character)
  }

  private open(character: '{' | '['): PlacedFault | null {
    if (!this.mayBeValue()) return this.misplaced(`"${character}"`)
    if (this.frames.length >= jsonDepthMax) {
      return this.broken('too-deep', `JSON is nested deeper than ${jsonDepthMax} levels`)
    }
    const members = character === '{' ? new Set<string>() : null
    this.frames.push({ members, path: this.begin(), opensAt: this.at, key: '', index: 0 })
    this.expected = 'first'
    this.at++
    return null
  }

  private close(character: '}' | ']'): PlacedFault | null {
    const frame = this.frames.at(-1)
    if (frame === undefined) return this.misplaced(`"${character}"`)
    const wanted = frame.members === null ? ']' : '}'
    if (character !== wanted) {
      const opened = this.shown(frame.opensAt)
      return this.syntax(
        `"${character}" where "${wanted}" is expected to close what ${opened} opens`,
      )
    }
    if (this.expected === 'key' || (this.expected === 'value' && frame.members === null)) {
      return this.syntax(`nothing follows the comma before this "${wanted}", remove the comma`)
    }
    if (this.expected === 'colon' || this.expected === 'value') return this.misplaced(`"${wanted}"`)
    this.frames.pop()
    return this.ended(1)
  }

  private comma(): PlacedFault | null {
    const frame = this.frames.at(-1)
    if (this.expected !== 'comma' || frame === undefined) return this.misplaced('a comma')
    frame.index++
    this.expected = frame.members === null ? 'value' : 'key'
    this.at++
    return null
  }

  private string(): PlacedFault | null {
    const isKey = this.mayBeKey()
    if (!isKey && !this.mayBeValue()) return this.misplaced('a string')
    const start = this.at
    const end = endOfString(this.text, start)
    const broken = this.stringFault(start, end)
    if (broken !== null) return broken
    if (!isKey) {
      this.begin()
      return this.ended(end - start)
    }
    this.key(String(JSON.parse(this.text.slice(start, end))))
    this.expected = 'colon'
    this.at = end
    return null
  }

  /** Control characters and escapes (RFC 8259 section 7); a missing quote shows as a line's end. */
  private stringFault(start: number, end: number): PlacedFault | null {
    let at = start + 1
    for (; at < end - 1; at++) {
      const code = this.text.charCodeAt(at)
      if (code === 0x0a || code === 0x0d) {
        return this.syntax('a string ends with the line, close it with " or write \\n', at)
      }
      if (code < 0x20) {
        const shown = `\\u${code.toString(16).padStart(4, '0')}`
        return this.syntax(`a string contains a control character, write ${shown}`, at)
      }
      if (code !== 0x5c) continue
      escapes.lastIndex = at
      const found = escapes.exec(this.text)?.[0]
      if (found === undefined) {
        return this.syntax('invalid escape, write \\\\ for a backslash', at)
      }
      at += found.length - 1
    }
    const isClosed = at === end - 1 && this.text.charAt(at) === '"'
    return isClosed ? null : this.syntax('a string is not closed, end it with "', this.text.length)
  }

  private key(key: string): void {
    const frame = this.frames.at(-1)
    if (frame === undefined || frame.members === null) return
    frame.key = key
    const path = join(frame.path, key)
    if (frame.members.has(key)) {
      const first = this.wantsPlaces ? this.places.get(path) : undefined
      const where =
        first === undefined ? '' : `, first in line ${positionIn(this.text, first).line}`
      this.find('duplicate-member', `duplicate member${where}; keep one of them`, path)
    }
    if (key === '__proto__') this.find('forbidden-member', 'this name is not allowed', path)
    frame.members.add(key)
    if (this.wantsPlaces && !this.places.has(path)) this.places.set(path, this.at)
  }

  private word(character: string): PlacedFault | null {
    word.lastIndex = this.at
    const found = word.exec(this.text)?.[0] ?? character
    const fault = wordFault(found, this.text.charAt(this.at))
    const isNumber = number.test(found)
    const isValue = isNumber || ['true', 'false', 'null'].includes(found)
    if (!isValue && fault !== null) return this.syntax(fault)
    if (!this.mayBeValue()) {
      if (this.mayBeKey()) return this.syntax('a member name must be in double quotes')
      return this.misplaced(JSON.stringify(found.slice(0, 40)))
    }
    if (!isValue) {
      const shown = JSON.stringify(found.slice(0, 40))
      return this.syntax(`${shown} is not a value, put strings in double quotes`)
    }
    const path = this.begin()
    if (isNumber && !Number.isSafeInteger(Number(found))) {
      const message = `${found.slice(0, 40)} is not an integer within 2^53-1`
      this.find('unsafe-integer', message, path)
    }
    return this.ended(found.length)
  }

  /** A value begins here: returns its path. */
  private begin(): string {
    const frame = this.frames.at(-1)
    if (frame === undefined || frame.members !== null) {
      const path = frame === undefined ? '' : join(frame.path, frame.key)
      if (frame === undefined && this.wantsPlaces) this.places.set('', this.at)
      return path
    }
    const path = join(frame.path, String(frame.index))
    if (this.wantsPlaces && !this.places.has(path)) this.places.set(path, this.at)
    return path
  }

  /** A value ends after so many units. */
  private ended(length: number): null {
    this.at += length
    this.expected = this.frames.length === 0 ? 'end' : 'comma'
    return null
  }

  private mayBeKey(): boolean {
    const inObject = (this.frames.at(-1)?.members ?? null) !== null
    return this.expected === 'key' || (this.expected === 'first' && inObject)
  }

  private mayBeValue(): boolean {
    const inObject = (this.frames.at(-1)?.members ?? null) !== null
    return this.expected === 'value' || (this.expected === 'first' && !inObject)
  }

  private find(code: string, message: string, path: string): void {
    this.findings.push({ offset: this.at, fault: { code, message, path } })
  }

  private broken(code: string, message: string, offset: number = this.at): PlacedFault {
    return { offset, fault: { code, message } }
  }

  private syntax(message: string, offset: number = this.at): PlacedFault {
    return this.broken('not-json', `not valid JSON: ${message}`, offset)
  }

  private misplaced(what: string): PlacedFault {
    if (this.expected === 'end') {
      return this.syntax(`${what} after the end of the document, remove what follows the end`)
    }
    if (this.expected === 'comma')
      return this.syntax(`${what} where a comma or the end is expected`)
    if (this.expected === 'colon') return this.syntax(`${what} where a colon is expected`)
    const isKey = this.mayBeKey()
    return this.syntax(`${what} where a ${isKey ? 'name in double quotes' : 'value'} is expected`)
  }

  private shown(offset: number): string {
    const { line, column } = positionIn(this.text, offset)
    return `line ${line}, column ${column}`
  }

  private endsEarly(): PlacedFault {
    const frame = this.frames.at(-1)
    const end = this.text.length
    if (frame === undefined) return this.syntax('the document is empty, it needs at least {}', end)
    const closing = frame.members === null ? ']' : '}'
    const opened = this.shown(frame.opensAt)
    return this.syntax(`the document ends before "${closing}" closes what ${opened} opens`, end)
  }
}

function join(path: string, step: string): string {
  if (path.length > pathLengthMax) return path
  return path === '' ? step : `${path}.${step}`
}
