import type { Report } from '../report.ts'
import {
  type Entry,
  isNothing,
  type Leaf,
  listOf,
  type Mapping,
  mapOf,
  marked,
  memberOf,
  rebuilt,
  type Tree,
} from '../yaml/tree.ts'

/** Paths whose later value replaces the earlier one, whatever they are. */
const replaced =
  /^services\.\*\.(command|entrypoint|healthcheck\.test|ulimits\.[^.]+|((deploy\.)?labels|annotations|environment|sysctls)\..+)$/

/**
 * Merges a later tree over an earlier one, as Compose does with several files and with `extends`:
 * maps by key, lists one after the other, values replaced. What is the same entry of a list
 * (ports, volumes …) is found later, when its forms are read.
 */
export function mergeTrees(base: Tree, over: Tree, path: readonly string[], report: Report): Tree {
  if (over.mark !== undefined) return over
  if (base.mark === 'reset') return marked(over, 'override')
  const pattern = path.map((part, at) => (at === 1 ? '*' : part)).join('.')
  if (replaced.test(pattern)) return over
  if (isNothing(over)) return base
  if (isNothing(base)) return { ...over, mark: base.mark }
  if (pattern === 'services.*.logging' && !sameDriver(base, over)) return over
  const mark = base.mark
  if (base.kind === 'map' && over.kind === 'map') {
    return mapOf(over.place, mergeEntries(base, over, path, report), mark)
  }
  if (base.kind === 'list' && over.kind === 'list') {
    const isDistinct = pattern === 'services.*.extra_hosts'
    const more = isDistinct ? over.items.filter((item) => !holds(base.items, item)) : over.items
    return listOf(over.place, [...base.items, ...more], mark)
  }
  if (base.kind === 'leaf') return { ...over, mark }
  const was = `${base.place.file}:${base.place.line}`
  const kind = base.kind === 'map' ? 'a map' : 'a list'
  report.fault(over.place, {
    code: 'compose-merge',
    message: `must be ${kind}, as it is in ${was}, over which it is merged`,
    path: path.join('.'),
  })
  return base
}

function mergeEntries(
  base: Mapping,
  over: Mapping,
  path: readonly string[],
  report: Report,
): ReadonlyMap<string, Entry> {
  const entries = new Map(base.entries)
  for (const [key, entry] of over.entries) {
    const before = entries.get(key)
    const value =
      before === undefined
        ? entry.value
        : mergeTrees(before.value, entry.value, [...path, key], report)
    entries.set(key, { keyPlace: entry.keyPlace, value })
  }
  return entries
}

function holds(items: readonly Tree[], item: Tree): boolean {
  return items.some(
    (other) => other.kind === 'leaf' && item.kind === 'leaf' && other.text === item.text,
  )
}

/** The options of a log driver are merged where both files, or one of them, name the same one. */
function sameDriver(base: Tree, over: Tree): boolean {
  const [one, other] = [memberOf(base, 'driver'), memberOf(over, 'driver')]
  return one === undefined || other === undefined || textOf(one) === textOf(other)
}

function textOf(tree: Tree): string | undefined {
  return tree.kind === 'leaf' ? (tree satisfies Leaf).text : undefined
}

/** Takes away what `!reset` stands for, and all marks. */
export function settle<T extends Tree>(tree: T): T
export function settle(tree: Tree): Tree {
  return rebuilt(tree, (node, visit) => {
    if (node.kind === 'leaf') return marked(node, undefined)
    if (node.kind === 'list') return listOf(node.place, node.items.map(visit))
    const entries = new Map<string, Entry>()
    for (const [key, { keyPlace, value }] of node.entries) {
      if (value.mark !== 'reset') entries.set(key, { keyPlace, value: visit(value) })
    }
    return mapOf(node.place, entries)
  })
}
