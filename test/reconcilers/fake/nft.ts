import type { Command, CommandResult } from '../../../reconcilers/host-ports.ts'
import { done, type FakeModel, failed } from './model.ts'

/** A set or map of the fake kernel: its declaration, and its elements by their keys. */
interface FakeSet {
  readonly kind: string
  readonly type: string
  readonly ranges: boolean
  readonly elements: Map<string, string | null>
}

/** A table of the fake kernel. */
interface FakeTable {
  /** The counts of counters, as `packets 5 bytes 60`. */
  readonly counters: Map<string, string>
  readonly sets: Map<string, FakeSet>
  /** Head of each chain, empty for one without a hook, and its rules. */
  readonly chains: Map<string, { readonly base: string; readonly rules: string[] }>
}

const known = new WeakMap<FakeModel, Map<string, FakeTable>>()

/** All tables of the fake host, by family and name. Tests may change them, as people do. */
export function fakeTables(model: FakeModel): Map<string, FakeTable> {
  const tables = known.get(model) ?? new Map<string, FakeTable>()
  known.set(model, tables)
  return tables
}

/** `nft` on the fake host: as much of its syntax as covey writes, and nothing else. */
export function fakeNft(model: FakeModel, { args }: Command): CommandResult {
  const [flag, ...rest] = args
  const file = args.at(-1) ?? ''
  if (flag === '-f' || (flag === '-c' && rest[0] === '-f')) {
    const text = model.temporary.get(file)
    if (text === undefined) return failed(`Error: Could not open file "${file}"`)
    return transact(model, text, flag === '-c')
  }
  const words = args.filter((each) => !each.startsWith('-'))
  if (words[0] !== 'list' || words[1] !== 'table') {
    throw new Error(`the fake host does not know: nft ${args.join(' ')}`)
  }
  const place = `${words[2]} ${words[3]}`
  const table = fakeTables(model).get(place)
  if (table === undefined) return failed('Error: No such file or directory')
  return { ...done, stdout: JSON.stringify({ nftables: listing(place, table) }) }
}

/** Carries out all lines on a copy, and takes the copy if none failed. */
function transact(model: FakeModel, text: string, isCheck: boolean): CommandResult {
  const before = fakeTables(model)
  const tables = new Map([...before].map(([place, table]) => [place, structuredClone(table)]))
  const lines = text.split('\n').values()
  for (const line of lines) {
    const fault = line === '' ? null : command(tables, line, lines)
    if (fault !== null) return failed(`Error: ${fault}`)
  }
  if (isCheck) return done
  before.clear()
  for (const [place, table] of tables) before.set(place, table)
  return done
}

function command(
  tables: Map<string, FakeTable>,
  line: string,
  lines: Iterator<string>,
): string | null {
  const [verb, what, family, name, set] = line.replace(/ \{$/, '').split(' ')
  if (verb === 'table') return block(tables, `${what} ${family}`, lines)
  const place = `${family} ${name}`
  const table = tables.get(place)
  if (what === 'table' && verb === 'add') {
    if (table === undefined) tables.set(place, emptyTable())
    return null
  }
  if (table === undefined) return 'No such file or directory'
  if (what === 'table' && verb === 'delete') {
    tables.delete(place)
    return null
  }
  const target = table.sets.get(set ?? '')
  if (what !== 'element' || target === undefined) return `No such file or directory: ${line}`
  for (const [key, value] of elementsIn(lines)) {
    if (verb === 'add') target.elements.set(key, value)
    else if (!target.elements.delete(key)) return `No such file or directory: ${key}`
  }
  return null
}

function emptyTable(): FakeTable {
  return { counters: new Map(), sets: new Map(), chains: new Map() }
}

/** Elements up to the closing brace, one a line. */
function elementsIn(lines: Iterator<string>): readonly (readonly [string, string | null])[] {
  const found: (readonly [string, string | null])[] = []
  for (let next = lines.next(); !next.done && next.value !== '}'; next = lines.next()) {
    const [key = '', value] = next.value.replace(/,$/, '').split(' : ')
    found.push([key, value ?? null])
  }
  return found
}

function block(
  tables: Map<string, FakeTable>,
  place: string,
  lines: Iterator<string>,
): string | null {
  const table = tables.get(place)
  if (table === undefined) return 'No such file or directory'
  for (let next = lines.next(); !next.done && next.value !== '}'; next = lines.next()) {
    const line = next.value
    const [, counter, count] = /^counter (\w+) \{ (.*) \}$/.exec(line) ?? []
    const [, kind, name] = /^(set|map|chain) (\w+) \{$/.exec(line) ?? []
    if (counter !== undefined && count !== undefined) table.counters.set(counter, count)
    else if (kind === 'chain') table.chains.set(name ?? '', chainIn(lines))
    else if (kind !== undefined) table.sets.set(name ?? '', setIn(kind, lines))
    else return `syntax error: ${line}`
  }
  return null
}

function chainIn(lines: Iterator<string>): { base: string; rules: string[] } {
  const rules: string[] = []
  for (let next = lines.next(); !next.done && next.value !== '}'; next = lines.next()) {
    rules.push(next.value)
  }
  const base = rules[0]?.startsWith('type ') ? (rules.shift() ?? '') : ''
  return { base, rules }
}

function setIn(kind: string, lines: Iterator<string>): FakeSet {
  let type = ''
  let ranges = false
  let elements = new Map<string, string | null>()
  for (let next = lines.next(); !next.done && next.value !== '}'; next = lines.next()) {
    if (next.value.startsWith('type ')) type = next.value.slice('type '.length)
    else if (next.value === 'flags interval') ranges = true
    else if (next.value === 'elements = {') elements = new Map(elementsIn(lines))
  }
  return { kind, type, ranges, elements }
}

function listing(place: string, table: FakeTable): readonly unknown[] {
  const [family, name] = place.split(' ')
  const at = { family, table: name }
  return [
    { table: { family, name, handle: 1 } },
    ...[...table.counters].map(([counter, count]) => {
      const [, packets, , bytes] = count.split(' ')
      return { counter: { ...at, name: counter, packets: Number(packets), bytes: Number(bytes) } }
    }),
    ...[...table.sets].map(([set, { kind, type, ranges, elements }]) => {
      const elem = [...elements].map(([key, value]) =>
        value === null ? joined(key) : [joined(key), joined(value)],
      )
      return { [kind]: { ...at, name: set, type, ranges, elem } }
    }),
    ...[...table.chains].map(([chain, { base }]) => ({ chain: { ...at, name: chain, base } })),
    ...[...table.chains].flatMap(([chain, { rules }]) =>
      rules.map((expr) => ({ rule: { ...at, chain, expr: [expr] } })),
    ),
  ]
}

function joined(text: string): unknown {
  const parts = text.split(' . ').map(part)
  return parts.length === 1 ? parts[0] : { concat: parts }
}

function part(text: string): unknown {
  const [, number] = /^(\d+)$/.exec(text) ?? []
  if (number !== undefined) return Number(number)
  const [, addr, len] = /^([^/"]+)\/(\d+)$/.exec(text) ?? []
  if (addr !== undefined) return { prefix: { addr, len: Number(len) } }
  const [, first, last] = /^([^-"]+)-([^-"]+)$/.exec(text) ?? []
  if (first !== undefined && last !== undefined) {
    const isNumber = /^\d+$/.test(first)
    return { range: isNumber ? [Number(first), Number(last)] : [first, last] }
  }
  return text.replaceAll('"', '')
}

/** All tables as text. */
export function tablesText(model: FakeModel): string {
  const lines: string[] = []
  for (const [place, table] of fakeTables(model)) {
    for (const [set, { elements }] of table.sets) {
      for (const [key, value] of elements) lines.push(`${place} ${set} ${key} : ${value}`)
    }
    for (const [chain, { base, rules }] of table.chains) {
      lines.push(`${place} ${chain} ${base}`)
      for (const rule of rules) lines.push(`${place} ${chain} ${rule}`)
    }
  }
  return lines.sort().join('\n')
}
