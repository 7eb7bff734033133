import { createHash } from 'node:crypto'
import type { ListedObject } from '../tools/nft.ts'
import { type Element, type Elements, elementNft, elementText, readElement } from './elements.ts'
import { type Chain, chains, counterNames } from './rules.ts'
import { type SetShape, setShapes } from './sets.ts'

/** Family and name of the one table that covey writes. */
export const tableFamily: string = 'inet'
export const tableName: string = 'covey'

const table = `${tableFamily} ${tableName}`

/** What a counter has counted. */
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
  /** Whether there is an element that covey cannot have made. */
  readonly hasForeignElements: boolean
}

/** Digest of the rules that this version wants, in covey's words. */
export const rulesDigest: string = digestOf(JSON.stringify([chains, counterNames, setShapes]))

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** Reads covey's table out of a listing. */
export function readTable(listing: readonly ListedObject[]): TableSeen {
  const elements = new Map<string, ReadonlyMap<string, Element>>()
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
      elements.set(name, new Map(known.map((element) => [elementText(element), element])))
    }
    shape.push([kind, rest])
  }
  return { elements, shape: digestOf(JSON.stringify(shape)), counts, hasForeignElements }
}

/** Whether a listing has all chains with as many rules as they should have. */
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

function setText(shape: SetShape, elements: ReadonlyMap<string, Element> | undefined): string {
  const values = shape.value === undefined ? '' : ` : ${shape.value.join(' . ')}`
  const own = [...(elements?.values() ?? [])].map(elementNft)
  return [
    `${shape.value === undefined ? 'set' : 'map'} ${shape.name} {`,
    `type ${shape.key.join(' . ')}${values}`,
    ...(shape.ranges ? ['flags interval'] : []),
    ...(own.length === 0 ? [] : [`elements = {\n${own.join(',\n')}\n}`]),
    '}',
  ].join('\n')
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

/** What has to change between two states; null where nothing has. */
export function changeBetween(before: Elements, after: Elements): ElementChange | null {
  const removed = missingIn(after, before)
  const added = missingIn(before, after)
  return removed.size + added.size === 0 ? null : { removed, added }
}

/** What `whole` has and `part` has not. */
function missingIn(part: Elements, whole: Elements): Elements {
  const found = new Map<string, ReadonlyMap<string, Element>>()
  for (const [set, elements] of whole) {
    const known = part.get(set)
    const missing = [...elements].filter(([text]) => known?.has(text) !== true)
    if (missing.length > 0) found.set(set, new Map(missing))
  }
  return found
}

/**
 * A transaction with only the elements that change. Removals come first: a range that grows would
 * overlap with what it was. Nobody sees the time between, as the kernel commits all at once.
 */
export function updateTransaction({ removed, added }: ElementChange): string {
  // A map's element goes by its key.
  const keyNft = ({ key }: Element): string => elementNft({ key })
  return [...commands('delete', removed, keyNft), ...commands('add', added, elementNft), ''].join(
    '\n',
  )
}

function commands(
  verb: 'add' | 'delete',
  elements: Elements,
  text: (element: Element) => string,
): readonly string[] {
  return [...elements].flatMap(([name, own]) =>
    own.size === 0
      ? []
      : [`${verb} element ${table} ${name} {\n${[...own.values()].map(text).join(',\n')}\n}`],
  )
}

/** A transaction that takes the table away, and nothing else. */
export function removeTransaction(): string {
  return `add table ${table}\ndelete table ${table}\n`
}

/** How many elements there are in all. */
export function countElements(elements: Elements): number {
  let count = 0
  for (const own of elements.values()) count += own.size
  return count
}
