import { isDeepStrictEqual } from 'node:util'
import { isMap, isNode, isScalar, type Pair, type YAMLMap } from 'yaml'
import type { Source } from '../files/read-text.ts'
import { parseYamlSource } from '../sources/yaml-source.ts'

/** Fields of a host as written into the layout. */
export type HostFields = Readonly<Record<string, string>>

/**
 * Adds a host to the text of a layout, or sets fields of an existing one. Where a line can simply
 * be added, everything else stays as written, including comments, quotes and white space; otherwise
 * the document is written anew, with its comments.
 */
export function withHost(source: Source, name: string, fields: HostFields): string {
  const expected = structuredClone(parseYamlSource(source).value) as {
    hosts?: Record<string, unknown>
  }
  const before = expected.hosts?.[name]
  const merged = { ...(typeof before === 'object' ? before : {}), ...fields }
  if (before !== undefined && isDeepStrictEqual(before, merged)) return source.text
  expected.hosts = { ...expected.hosts, [name]: merged }
  const inserted =
    before === undefined ? insertLine(source, 'hosts', name, flowText(fields)) : undefined
  if (inserted !== undefined && readsAs(source, inserted, expected)) return inserted
  const { document } = parseYamlSource(source)
  if (!isMap(document.get('hosts', true))) document.set('hosts', document.createNode({}))
  const hosts = document.get('hosts', true) as unknown as YAMLMap
  if (hosts.items.length === 0) hosts.flow = false
  if (!isMap(hosts.get(name, true))) hosts.set(name, document.createNode({}, { flow: true }))
  for (const [field, value] of Object.entries(fields)) document.setIn(['hosts', name, field], value)
  return document.toString({ lineWidth: 0 })
}

/** Options of a stack as written into the layout: texts, lists of texts, or maps of texts. */
export type StackFields = Readonly<
  Record<string, string | readonly string[] | Readonly<Record<string, string>>>
>

/** Adds a stack, which the layout must not have, to its text; as `withHost` does. */
export function withStack(source: Source, name: string, fields: StackFields): string {
  const expected = structuredClone(parseYamlSource(source).value) as {
    stacks?: Record<string, unknown>
  }
  expected.stacks = { ...expected.stacks, [name]: fields }
  const inserted = insertLine(source, 'stacks', name, flowText(fields))
  if (inserted !== undefined && readsAs(source, inserted, expected)) return inserted
  const { document } = parseYamlSource(source)
  if (!isMap(document.get('stacks', true))) document.set('stacks', document.createNode({}))
  document.setIn(['stacks', name], document.createNode(fields, { flow: true }))
  return document.toString({ lineWidth: 0 })
}

/** Removes a host from the text of a layout. */
export function withoutLayoutHost(source: Source, name: string): string {
  const { document } = parseYamlSource(source)
  const expected = structuredClone(parseYamlSource(source).value) as {
    hosts?: Record<string, unknown>
  }
  if (expected.hosts !== undefined) delete expected.hosts[name]
  const removed = removeLines(source, name)
  if (removed !== undefined && readsAs(source, removed, expected)) return removed
  document.deleteIn(['hosts', name])
  return document.toString({ lineWidth: 0 })
}

/** True if a text in place of a source is read as the expected value. */
export function readsAs(source: Source, text: string, expected: unknown): boolean {
  try {
    return isDeepStrictEqual(parseYamlSource({ ...source, text }).value, expected)
  } catch {
    return false
  }
}

/** The text with one more line, if a section is empty or a block of lines; undefined otherwise. */
function insertLine(
  source: Source,
  section: 'hosts' | 'stacks',
  name: string,
  content: string,
): string | undefined {
  const { text } = source
  const end = text.includes('\r\n') ? '\r\n' : '\n'
  const { document } = parseYamlSource(source)
  const pair = isMap(document.contents)
    ? document.contents.items.find((item) => isScalar(item.key) && item.key.value === section)
    : undefined
  const line = (indent: string): string => `${indent}${name}: ${content}${end}`
  if (pair === undefined) return `${endedText(text, end)}${section}:${end}${line('  ')}`
  const { value } = pair
  if (isMap(value) && value.items.length > 0) {
    if (value.flow === true) return undefined
    const first = value.items[0]?.key
    const last = value.items.at(-1)
    const start = isScalar(first) ? first.range?.[0] : undefined
    const stop = last === undefined ? undefined : endOfPair(last)
    if (start === undefined || stop === undefined) return undefined
    const indent = /[ \t]*$/.exec(text.slice(0, start))?.[0] ?? ''
    const cut = endOfLine(text, stop)
    return endedText(text.slice(0, cut), end) + line(indent) + text.slice(cut)
  }
  const key = isScalar(pair.key) ? pair.key.range : undefined
  if (key == null) return undefined
  // `hosts:`, `hosts: {}` or `hosts: null`: replaces the value after the colon, keeps a comment.
  const cut = endOfLine(text, key[1])
  const opening = text.slice(key[1], cut).replace(/^(\s*:)\s*(\{\s*\}|null|~)?/, '$1')
  return text.slice(0, key[1]) + endedText(opening, end) + line('  ') + text.slice(cut)
}

/**
 * The text without the lines of a host in a block of lines; undefined if it is written another way.
 */
function removeLines(source: Source, name: string): string | undefined {
  const { text } = source
  const hosts = parseYamlSource(source).document.get('hosts', true) as unknown
  if (!isMap(hosts) || hosts.flow === true) return undefined
  const index = hosts.items.findIndex((item) => isScalar(item.key) && item.key.value === name)
  const item = hosts.items[index]
  const key = item !== undefined && isScalar(item.key) ? item.key.range : undefined
  const stop = item === undefined ? undefined : endOfPair(item)
  if (key == null || stop === undefined) return undefined
  const start = text.lastIndexOf('\n', key[0]) + 1
  const cut = endOfLine(text, stop)
  const rest = text.slice(0, start) + text.slice(cut)
  if (hosts.items.length > 1) return rest
  const opening = /hosts[ \t]*:/.exec(text.slice(0, start).split('\n').at(-2) ?? '')
  return opening === null
    ? undefined
    : `${text.slice(0, start - 1).replace(/\r$/, '')} {}\n${text.slice(cut)}`
}

/**
 * Offset within the last line of a pair. A block ends with its last leaf: its own range also covers
 * the blank lines and comments after it, which do not belong to it.
 */
function endOfPair(pair: Pair<unknown, unknown>): number | undefined {
  const { value, key } = pair
  const last = isMap(value) && value.flow !== true ? value.items.at(-1) : undefined
  if (last !== undefined) return endOfPair(last)
  const leaf = isNode(value) && value.range?.[1] !== value.range?.[0] ? value : key
  if (!isNode(leaf) || leaf.range == null) return undefined
  return Math.max(leaf.range[0], leaf.range[1] - 1)
}

function flowText(fields: StackFields): string {
  const parts = Object.entries(fields).map(([field, value]) => {
    const isPlain = typeof value === 'string' || Array.isArray(value)
    const key = /^[a-z_][a-z0-9_-]*$/.test(field) ? field : JSON.stringify(field)
    return `${key}: ${isPlain ? JSON.stringify(value) : flowText(value as StackFields)}`
  })
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end + 1
}

function endedText(text: string, end: string): string {
  return text === '' || text.endsWith('\n') ? text : text + end
}
