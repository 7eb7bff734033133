import { composeVariablesMax } from '../../limits.ts'
import type { Place } from '../project.ts'
import type { Report } from '../report.ts'
import type { Scope, Variable } from './scope.ts'
import { substitute } from './substitute.ts'

const blank = '[\\t\\v\\f\\r \\u0085\\u00a0]'
const exported = /^export\s+/
const leadingBlanks = new RegExp(`^${blank}+`)
const escapeSign = /\\(?:[abcfnrtv$"\\]|0\d{0,3})/g
const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
}

/** The options for reading an env file. */
export interface EnvFileOptions {
  /** Variables that win over those of the file inside of `${…}`. */
  readonly scope: Scope
  /** Variables of earlier files, which this one may use and replace. */
  readonly earlier: Scope
  /** `raw`: all after the first `=` is the value. */
  readonly format: 'dotenv' | 'raw'
}

/**
 * The variables of an env file, read as Compose's implementation reads it: `export`, `KEY: value`,
 * comments, quotes over several lines, escapes in `"…"`, variables everywhere but in `'…'`. A name
 * without a value takes it from the scope. Names that begin with a digit are passed over.
 */
export function parseEnvFile(
  file: string,
  text: string,
  options: EnvFileOptions,
  report: Report,
): ReadonlyMap<string, Variable> {
  const reader = new EnvReader(file, text.startsWith('\uFEFF') ? text.slice(1) : text, report)
  return options.format === 'raw' ? reader.raw(options.scope) : reader.read(options)
}

class EnvReader {
  readonly #file: string
  readonly #text: string
  readonly #report: Report
  readonly #found = new Map<string, Variable>()
  #at = 0
  #line = 1
  #lineStart = 0
  #seen = 0

  constructor(file: string, text: string, report: Report) {
    this.#file = file
    this.#text = text
    this.#report = report
  }

  read({ scope, earlier }: EnvFileOptions): ReadonlyMap<string, Variable> {
    const find = (name: string): Variable | undefined =>
      scope.get(name) ?? this.#found.get(name) ?? earlier.get(name)
    while (this.#skipToStatement()) {
      const place = this.#place(this.#at)
      const head = this.#key()
      if (head === undefined) {
        const end = this.#text.indexOf('\n', this.#at)
        this.#advance(end === -1 ? this.#text.length : end)
      } else if (head.isBare) {
        const value = scope.get(head.key)
        if (value !== undefined) this.#add({ ...value, name: head.key })
      } else {
        const value = this.#value(find)
        if (value === undefined) break
        this.#add({
          name: head.key,
          value,
          place: value === '' ? place : this.#valuePlace,
          isSensitive: true,
        })
      }
    }
    return this.#found
  }

  /** The lines as they are: no quotes, no variables, no comment but in a line of its own. */
  raw(scope: Scope): ReadonlyMap<string, Variable> {
    for (const [index, written] of this.#text.split('\n').entries()) {
      const line = written.replace(/\r$/, '').trimStart()
      if (line === '' || line.startsWith('#')) continue
      const equals = line.indexOf('=')
      const name = equals === -1 ? line.trim() : line.slice(0, equals)
      const place = { file: this.#file, line: index + 1, column: 1 }
      if (name === '' || /\s/.test(name))
        this.#fault(place, 'the name before = has a blank, or is missing')
      else if (equals !== -1) {
        this.#add({ name, value: line.slice(equals + 1), place, isSensitive: true })
      } else {
        const found = scope.get(name)
        if (found !== undefined) this.#add(found)
      }
    }
    return this.#found
  }

  #valuePlace: Place | undefined

  #add(variable: Variable): void {
    this.#seen += 1
    if (this.#seen === composeVariablesMax + 1) {
      const place = variable.place ?? { file: this.#file, line: 1, column: 1 }
      this.#fault(place, `an env file has at most ${composeVariablesMax} variables`)
    }
    if (this.#seen > composeVariablesMax || /^\d/.test(variable.name)) return
    this.#found.set(variable.name, variable)
  }

  #place(offset: number): Place {
    return { file: this.#file, line: this.#line, column: offset - this.#lineStart + 1 }
  }

  #fault(place: Place, message: string): void {
    this.#report.fault(place, { code: 'compose-env-file', message })
  }

  /** Moves on, and counts the lines that are passed. */
  #advance(to: number): void {
    for (let end = this.#text.indexOf('\n', this.#at); end !== -1 && end < to; ) {
      this.#line += 1
      this.#lineStart = end + 1
      end = this.#text.indexOf('\n', end + 1)
    }
    this.#at = to
  }

  #skipToStatement(): boolean {
    for (;;) {
      const rest = this.#text.slice(this.#at).search(/\S/)
      if (rest === -1) return false
      this.#advance(this.#at + rest)
      if (this.#text[this.#at] !== '#') return true
      const end = this.#text.indexOf('\n', this.#at)
      if (end === -1) return false
      this.#advance(end)
    }
  }

  #skipBlanks(): void {
    this.#advance(this.#at + (leadingBlanks.exec(this.#text.slice(this.#at))?.[0].length ?? 0))
  }

  #key(): { readonly key: string; readonly isBare: boolean } | undefined {
    const word = exported.exec(this.#text.slice(this.#at))?.[0]
    if (word !== undefined) {
      this.#advance(this.#at + 'export'.length)
      this.#skipBlanks()
    }
    const place = this.#place(this.#at)
    const rest = this.#text.slice(this.#at)
    const found = rest.search(/[=:\n]/)
    const end = found === -1 ? rest.length : found
    const key = rest.slice(0, end).trimEnd()
    if (!/^[\p{L}\p{N}_.\-[\]]+$/u.test(key)) {
      this.#fault(
        place,
        'a line is NAME=VALUE; the name has letters, digits, _ . - [ ] and no blank',
      )
      return undefined
    }
    const isBare = found === -1 || rest[end] === '\n'
    this.#advance(this.#at + (found === -1 ? end : end + 1))
    if (!isBare) this.#skipBlanks()
    return { key, isBare }
  }

  #value(find: (name: string) => Variable | undefined): string | undefined {
    const quote = this.#text[this.#at]
    this.#valuePlace = this.#place(this.#at)
    if (quote === '"' || quote === "'") return this.#quoted(quote, find)
    const end = this.#text.indexOf('\n', this.#at)
    const line = this.#text.slice(this.#at, end === -1 ? undefined : end)
    this.#advance(end === -1 ? this.#text.length : end + 1)
    const [value = ''] = line.split(' #', 1)
    return this.#expand(value.trimEnd(), find)
  }

  #quoted(quote: string, find: (name: string) => Variable | undefined): string | undefined {
    const text = this.#text
    let value = ''
    for (let index = this.#at + 1; index < text.length; index += 1) {
      const char = text.charAt(index)
      if (char === quote) {
        this.#advance(index + 1)
        if (quote === "'") return value
        return this.#expand(value.replace(escapeSign, unescaped), find)
      }
      // A backslash before the quote goes; each other one stays for what follows.
      const next = char === '\\' ? text.charAt(index + 1) : ''
      value += next === '' || next === quote ? (next === quote ? quote : char) : char + next
      if (next !== '') index += 1
    }
    this.#fault(this.#place(this.#at), 'the closing quote is missing')
    return undefined
  }

  #expand(text: string, find: (name: string) => Variable | undefined): string {
    const { text: value, faults, unset } = substitute(text, find)
    const place = this.#valuePlace ?? this.#place(this.#at)
    for (const message of faults) this.#fault(place, message)
    for (const name of unset) {
      const message = `the variable ${name} is not set: it is taken as empty`
      this.#report.note(place, { code: 'compose-unset', message })
    }
    return value
  }
}

function unescaped(found: string): string {
  if (found === '\\$') return '$$'
  const [, letter = ''] = found
  if (letter !== '0') return escapes[letter] ?? found
  // Octal has three digits after the first zero, else it stays as it is.
  const digits = found.slice(2)
  return /^[0-3][0-7]{2}$/.test(digits) ? String.fromCharCode(Number.parseInt(digits, 8)) : found
}
