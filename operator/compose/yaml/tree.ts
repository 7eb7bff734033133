import type { Place } from '../project.ts'
import type { Scope, Variable } from '../variables/scope.ts'

/**
 * The origin of a loaded value: the folder that its relative paths begin in, and the variables that
 * were in force where it was written.
 */
export interface Home {
  readonly folder: string
  readonly scope: Scope
}

/** `!reset` takes away what an earlier file says, `!override` puts itself in its place. */
export type Mark = 'reset' | 'override' | undefined

interface Common {
  readonly place: Place
  readonly mark: Mark
  /** Nodes in all, each alias counted with what it stands for. */
  readonly size: number
}

/** A value that is no map and no list. */
export interface Leaf extends Common {
  readonly kind: 'leaf'
  readonly type: 'text' | 'number' | 'boolean' | 'null'
  /** The value as a text; a number as Compose's implementation prints it. */
  readonly text: string
  /** As it stands in the file; with its `${…}`. */
  readonly written: string
  readonly isSensitive: boolean
  /** Variables that stand in it. */
  readonly variables: readonly Variable[]
  readonly home: Home | undefined
}

/** A list. */
export interface List extends Common {
  readonly kind: 'list'
  readonly items: readonly Tree[]
}

/** A member of a map. */
export interface Entry {
  readonly keyPlace: Place
  readonly value: Tree
}

/** A map, in the order of the file. */
export interface Mapping extends Common {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Entry>
}

/** YAML with places, and without anchors, aliases and merge keys. Never changed once made. */
export type Tree = Leaf | List | Mapping

/** Makes a leaf that no variable stands in. */
export function leafOf(
  place: Place,
  value: { readonly type: Leaf['type']; readonly text: string; readonly written?: string },
  mark?: Mark,
): Leaf {
  return {
    kind: 'leaf',
    type: value.type,
    text: value.text,
    written: value.written ?? value.text,
    place,
    mark,
    size: 1,
    isSensitive: false,
    variables: [],
    home: undefined,
  }
}

/** Makes a list. */
export function listOf(place: Place, items: readonly Tree[], mark?: Mark): List {
  return { kind: 'list', items, place, mark, size: sizeOf(items) }
}

/** Makes a map. */
export function mapOf(place: Place, entries: ReadonlyMap<string, Entry>, mark?: Mark): Mapping {
  const size = sizeOf([...entries.values()].map(({ value }) => value))
  return { kind: 'map', entries, place, mark, size }
}

function sizeOf(trees: readonly Tree[]): number {
  let size = 1
  for (const tree of trees) size += tree.size
  return size
}

/**
 * Makes a tree anew, node by node; `make` visits what is below a node. What is an alias of the same
 * anchor is made once, and stays one and the same tree.
 */
export function rebuilt(tree: Tree, make: (node: Tree, visit: (node: Tree) => Tree) => Tree): Tree {
  const done = new Map<Tree, Tree>()
  const visit = (node: Tree): Tree => {
    const before = done.get(node)
    if (before !== undefined) return before
    const made = make(node, visit)
    done.set(node, made)
    return made
  }
  return visit(tree)
}

/** The same tree with another mark. */
export function marked(tree: Tree, mark: Mark): Tree {
  return tree.mark === mark ? tree : { ...tree, mark }
}

/** Tells an absent value, or one that is nothing: `key:`. */
export function isNothing(tree: Tree | undefined): boolean {
  return tree === undefined || (tree.kind === 'leaf' && tree.type === 'null')
}

/** The member of a map; undefined also where the tree is none. */
export function memberOf(tree: Tree | undefined, key: string): Tree | undefined {
  return tree?.kind === 'map' ? tree.entries.get(key)?.value : undefined
}

/**
 * Place of a path (`ports.0`, `labels.a.b=c`), of the value for leaves and of the key for maps and
 * lists; the nearest above it where there is no such member, `start` at last. Keys may have dots.
 */
export function placeAt(tree: Tree, path: string, start: Place): Place {
  let place = start
  let node = tree
  let rest = path
  while (rest !== '') {
    const step = node.kind === 'map' ? mapStep(node, rest) : listStep(node, rest)
    if (step === undefined) return place
    place = step.place
    node = step.node
    rest = rest.slice(step.length)
  }
  return place
}

interface Step {
  readonly node: Tree
  readonly place: Place
  readonly length: number
}

function mapStep(node: Mapping, rest: string): Step | undefined {
  for (let end = rest.length; end > 0; end = rest.lastIndexOf('.', end - 1)) {
    const entry = node.entries.get(rest.slice(0, end))
    if (entry === undefined) continue
    const place = entry.value.kind === 'leaf' ? entry.value.place : entry.keyPlace
    return { node: entry.value, place, length: end + 1 }
  }
  return undefined
}

function listStep(node: Tree, rest: string): Step | undefined {
  const [index = ''] = rest.split('.', 1)
  const item = node.kind === 'list' && /^\d+$/.test(index) ? node.items[Number(index)] : undefined
  return item && { node: item, place: item.place, length: index.length + 1 }
}

/** The plain value: maps as objects without a prototype, numbers as numbers. */
export function plainOf(tree: Tree): unknown {
  if (tree.kind === 'list') return tree.items.map(plainOf)
  if (tree.kind === 'map') {
    const plain: Record<string, unknown> = Object.create(null)
    for (const [key, { value }] of tree.entries) plain[key] = plainOf(value)
    return plain
  }
  if (tree.type === 'null') return null
  if (tree.type === 'boolean') return tree.text === 'true'
  return tree.type === 'number' ? Number(tree.text) : tree.text
}
