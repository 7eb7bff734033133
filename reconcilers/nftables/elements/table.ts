import { hash } from 'node:crypto'
import type { ListedObject } from '../../tools/nft.ts'
import type { Chain } from '../rules/form.ts'
import { chains, counterNames } from '../rules/rules.ts'
import { type SetShape, setShapes } from '../rules/sets.ts'
import { type Elements, keyOf, partsOf, readElement } from './elements.ts'

/** Family and name of the one table that covey writes. */
export const tableFamily: string = 'inet'
export const tableName: string = 'covey'

const table = `${tableFamily} ${tableName}`

/** The count of a counter. */
export interface Count {
  readonly packets: number
  readonly bytes: number
}

/** Covey's table as it is on the host. */
export interface TableSeen {
  readonly elements: Elements
  /** Digest of all that is no element: chains, rules, sets and their types, in nft's own words. */
  readonly shape: string
  readonly counts: ReadonlyMap<string, Count>
  /** True if there is an element that covey cannot have made. */
  readonly hasForeignElements: boolean
}

/** Digest of the rules that this version wants, in covey's words. */
export const rulesDigest: string = digestOf(JSON.stringify([chains, counterNames, setShapes]))

function digestOf(text: string): string {
  return `sha256:${hash('sha256', text)}`
}

/** Reads covey's table out of a listing. */
export function readTable(listing: readonly ListedObject[]): TableSeen {
  const elements = new Map<string, ReadonlySet<string>>()
  const counts = new Map<string, Count>()
  const shape: unknown[] = []
  let hasForeignElements = false
  for (const { kind, fields } of listing) {
    const { handle: _, elem, packets, bytes, ...rest } = fields
    const name = String(fields['name'])
    if (kind === 'counter') counts.set(name, { packets: Number(packets), bytes: Number(bytes) })
    if (kind === 'set' || kind === 'map') {
      const read = (Array.isArray(elem) ? elem : []).map(readElement)
      if (read.some((element) => element === undefined)) hasForeignElements = true
      const known = read.filter((element) => element !== undefined)
      elements.set(name, new Set(known))
    }
    shape.push([kind, rest])
  }
  return { elements, shape: digestOf(JSON.stringify(shape)), counts, hasForeignElements }
}

/** True if a listing has all chains with as many rules as they should have. */
export function isWhole(listing: readonly ListedObject[]): boolean {
  const rules = new Map<unknown, number>()
  for (const { kind, fields } of listing) {
    if (kind === 'rule') rules.set(fields['chain'], (rules.get(fields['chain']) ?? 0) + 1)
  }
  const listed = listing.filter(({ kind }) => kind === 'chain').length
  return (
    listed === chains.length &&
    chains.every(({ name, rules: own }) => rules.get(name) === own.length)
  )
}

/**
 * A transaction that puts the whole table in place of what was there; counters go on. It is text
 * and not JSON: nft 1.0.6 cannot make maps with two values from JSON, and crashes over rules that
 * use them.
 */
export function replaceTransaction(elements: Elements, counts: ReadonlyMap<string, Count>): string {
  const counters = counterNames.map((name) => {
    const { packets, bytes } = counts.get(name) ?? { packets: 0, bytes: 0 }
    return `counter ${name} { packets ${packets} bytes ${bytes} }`
  })
  return [
    // Deleting fails where there is no table, so there is one at this point in any case.
    removeTransaction(),
    `add table ${table}`,
    `table ${table} {`,
    ...counters,
    ...setShapes.map((shape) => setText(shape, elements.get(shape.name))),
    ...chains.map(chainText),
    '}\n',
  ].join('\n')
}

function setText(shape: SetShape, elements: ReadonlySet<string> | undefined): string {
  const values = shape.value === undefined ? '' : ` : ${shape.value.join(' . ')}`
  const own = written(shape, [...(elements ?? [])])
  return [
    `${shape.value === undefined ? 'set' : 'map'} ${shape.name} {`,
    shape.declaration ?? `type ${shape.key.join(' . ')}${values}`,
    ...(shape.ranges ? ['flags interval'] : []),
    ...(own === '' ? [] : [`elements = {\n${own}\n}`]),
    '}',
  ].join('\n')
}

/** Elements in the syntax of nft(8), for which names of links stand in quotes. */
function written({ key }: SetShape, elements: readonly string[]): string {
  if (!key.includes('ifname')) return elements.join(',\n')
  const quoted = (part: string, index: number): string =>
    key[index] === 'ifname' ? `"${part}"` : part
  return elements.map((element) => partsOf(element).map(quoted).join(' . ')).join(',\n')
}

function chainText({ name, base, rules }: Chain): string {
  const head = base === undefined ? [] : [`${base}; policy accept;`]
  return [`chain ${name} {`, ...head, ...rules, '}'].join('\n')
}

/** A change of elements, by set: what goes, then what comes. */
export interface ElementChange {
  readonly removed: Elements
  readonly added: Elements
}

/** The changes from one state to another; null if there are none. */
export function changeBetween(before: Elements, after: Elements): ElementChange | null {
  const removed = missingIn(after, before)
  const added = missingIn(before, after)
  return removed.size + added.size === 0 ? null : { removed, added }
}

/** The elements of `whole` that `part` does not have. */
function missingIn(part: Elements, whole: Elements): Elements {
  const found = new Map<string, ReadonlySet<string>>()
  for (const [set, elements] of whole) {
    const known = part.get(set)
    const missing = [...elements].filter((element) => known?.has(element) !== true)
    if (missing.length > 0) found.set(set, new Set(missing))
  }
  return found
}

/**
 * A transaction with only the elements that change. Removals come first: a range that grows would
 * overlap with what it was. Nobody sees the time between, as the kernel commits all at once.
 */
export function updateTransaction({ removed, added }: ElementChange): string {
  return [...commands('delete', removed), ...commands('add', added), ''].join('\n')
}

function commands(verb: 'add' | 'delete', elements: Elements): readonly string[] {
  return setShapes.flatMap((shape) => {
    const own = [...(elements.get(shape.name) ?? [])]
    if (own.length === 0) return []
    // A map's element goes by its key.
    const text = written(shape, verb === 'add' ? own : own.map(keyOf))
    return [`${verb} element ${table} ${shape.name} {\n${text}\n}`]
  })
}

/** A transaction that takes the table away, and nothing else. */
export function removeTransaction(): string {
  return `add table ${table}\ndelete table ${table}\n`
}

/** At most so many elements of each set: those that come first. */
export function sampleOf(elements: Elements, count: number): Elements {
  return new Map([...elements].map(([set, own]) => [set, new Set([...own].slice(0, count))]))
}

/** The number of all elements. */
export function countElements(elements: Elements): number {
  let count = 0
  for (const own of elements.values()) count += own.size
  return count
}
