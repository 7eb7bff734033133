import type { Place, Text } from '../project.ts'
import type { Report } from '../report.ts'
import { parseByteSize, parseSeconds } from '../texts/quantities.ts'
import { originText } from '../variables/scope.ts'
import { isNothing, type Leaf, type Tree } from '../yaml/tree.ts'

const yes = new Set(['true', 'y', 'yes', 'on'])
const no = new Set(['false', 'n', 'no', 'off'])

/** Least and most of a whole number. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
}

/**
 * A value of a project with its path. What reads it gives undefined where it is absent or `null`,
 * and also where it is wrong, which is then said.
 */
export class Cursor {
  readonly tree: Tree | undefined
  readonly path: string
  readonly place: Place
  readonly report: Report

  constructor(tree: Tree | undefined, path: string, place: Place, report: Report) {
    this.tree = tree
    this.path = path
    this.place = place
    this.report = report
  }

  get isAbsent(): boolean {
    return isNothing(this.tree)
  }

  /** The leaf that it is; undefined, and said, where it is a map or a list. */
  leaf(wanted: string = 'a text'): Leaf | undefined {
    if (this.tree === undefined || this.isAbsent) return undefined
    if (this.tree.kind === 'leaf') return this.tree
    return this.fault(`must be ${wanted}, and is a ${this.tree.kind}`)
  }

  /** A member; of what is no map nothing, and that is said. */
  at(key: string): Cursor {
    const path = this.path === '' ? key : `${this.path}.${key}`
    if (this.tree === undefined || this.isAbsent) {
      return new Cursor(undefined, path, this.place, this.report)
    }
    if (this.tree.kind !== 'map') this.fault('must be a map')
    const entry = this.tree.kind === 'map' ? this.tree.entries.get(key) : undefined
    const place =
      entry === undefined
        ? this.place
        : entry.value.kind === 'leaf'
          ? entry.value.place
          : entry.keyPlace
    return new Cursor(entry?.value, path, place, this.report)
  }

  /** The items of a list. */
  items(): readonly Cursor[] {
    if (this.tree === undefined || this.isAbsent) return []
    if (this.tree.kind !== 'list') {
      this.fault('must be a list')
      return []
    }
    return this.tree.items.map(
      (item, index) => new Cursor(item, `${this.path}.${index}`, item.place, this.report),
    )
  }

  /** The members of a map. */
  members(): readonly (readonly [string, Cursor])[] {
    if (this.tree === undefined || this.isAbsent) return []
    if (this.tree.kind !== 'map') {
      this.fault('must be a map')
      return []
    }
    return [...this.tree.entries.keys()].map((key) => [key, this.at(key)] as const)
  }

  /** Says a fault; with where the variables in the value come from, which is never shown itself. */
  fault(message: string, code = 'compose-value'): undefined {
    const origin = this.tree?.kind === 'leaf' ? originText(this.tree.variables) : ''
    this.report.fault(this.place, { code, message: `${message}${origin}`, path: this.path })
    return undefined
  }

  /** Says what is accepted, and has no effect. */
  note(message: string, code = 'compose-no-effect'): void {
    this.report.note(this.place, { code, message, path: this.path })
  }

  /** The value for messages: as it is written, so that what a variable holds is not told. */
  get shown(): string {
    return this.tree?.kind === 'leaf' ? this.tree.written : ''
  }

  text(): string | undefined {
    return this.leaf()?.text
  }

  /** The text with what is known of it. */
  rich(): Text | undefined {
    const leaf = this.leaf()
    return leaf && { value: leaf.text, isSensitive: leaf.isSensitive, place: leaf.place }
  }

  texts(): readonly string[] {
    return this.items().flatMap((item) => {
      const text = item.text()
      if (text === undefined && item.isAbsent) item.fault('must be a text, and is empty')
      return text === undefined ? [] : [text]
    })
  }

  /** Texts without repetition: the first place of each. */
  distinct(): readonly string[] {
    return [...new Set(this.texts())]
  }

  boolean(): boolean | undefined {
    const text = this.leaf('true or false')?.text.toLowerCase()
    if (text === undefined || text === '') return undefined
    if (yes.has(text)) return true
    return no.has(text) ? false : this.fault(`must be true or false: ${this.shown}`)
  }

  integer({ min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds = {}): number | undefined {
    const text = this.leaf('a number')?.text
    if (text === undefined || text === '') return undefined
    const value = /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    const most = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`
    return this.fault(`must be a whole number ${most}: ${this.shown}`)
  }

  /** Thousandths of a number. */
  milli(): number | undefined {
    const text = this.leaf('a number')?.text
    if (text === undefined || text === '') return undefined
    const value = /^\d*\.?\d+$/.test(text) ? Math.round(Number(text) * 1000) : Number.NaN
    return Number.isSafeInteger(value) ? value : this.fault(`must be a number: ${this.shown}`)
  }

  seconds(): number | undefined {
    const text = this.leaf('a duration')?.text
    if (text === undefined || text === '') return undefined
    const seconds = parseSeconds(text)
    if (seconds !== undefined) return seconds
    const hint = /^\d+$/.test(text) ? `: write ${this.shown}s for seconds` : ', as 1m30s: '
    return this.fault(`must be a duration${hint}${hint.endsWith(' ') ? this.shown : ''}`)
  }

  bytes(): number | undefined {
    const text = this.leaf('a size')?.text
    if (text === undefined || text === '') return undefined
    return parseByteSize(text) ?? this.fault(`must be a size, as 512m or 1g: ${this.shown}`)
  }
}
