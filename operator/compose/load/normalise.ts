import type { Report } from '../report.ts'
import {
  type Entry,
  isNothing,
  type Leaf,
  leafOf,
  listOf,
  type Mapping,
  mapOf,
  memberOf,
  type Tree,
} from '../yaml/tree.ts'

type Form = (tree: Tree, path: string, report: Report) => Tree

/** Keys of a service that have several forms, and what makes one of them. */
const serviceForms: Readonly<Record<string, Form>> = {
  annotations: pairs,
  deploy: (tree, path, report) => within(tree, 'labels', pairs, `${path}.labels`, report),
  depends_on: (tree, path, report) => names(tree, path, report, dependency),
  dns: many,
  dns_opt: many,
  dns_search: many,
  env_file: many,
  environment: pairs,
  extra_hosts: hosts,
  label_file: many,
  labels: pairs,
  networks: (tree, path, report) => names(tree, path, report, ({ place }) => nothingAt(place)),
  sysctls: pairs,
  tmpfs: many,
}
const networkForms: Readonly<Record<string, Form>> = { labels: pairs }

/**
 * Brings keys with several forms into one, so that files can be merged: lists of `K=V` become maps,
 * a single value a list of one. A form that is neither is a fault here.
 */
export function normalise(document: Mapping, report: Report): Mapping {
  const entries = new Map(document.entries)
  for (const [key, forms] of [
    ['services', serviceForms],
    ['networks', networkForms],
    ['volumes', networkForms],
  ] as const) {
    const entry = entries.get(key)
    if (entry?.value.kind !== 'map') continue
    const named = [...entry.value.entries].map(([name, { keyPlace, value }]) => {
      const made = normaliseOne(value, forms, `${key}.${name}`, report)
      return [name, { keyPlace, value: made }] as const
    })
    const value = mapOf(entry.value.place, new Map(named), entry.value.mark)
    entries.set(key, { keyPlace: entry.keyPlace, value })
  }
  return mapOf(document.place, entries, document.mark)
}

function normaliseOne(
  tree: Tree,
  forms: Readonly<Record<string, Form>>,
  path: string,
  report: Report,
): Tree {
  let made = tree
  for (const [key, form] of Object.entries(forms)) {
    if (memberOf(made, key) !== undefined) {
      made = within(made, key, form, `${path}.${key}`, report)
    }
  }
  return made
}

function within(tree: Tree, key: string, form: Form, path: string, report: Report): Tree {
  const entry = tree.kind === 'map' ? tree.entries.get(key) : undefined
  if (tree.kind !== 'map' || entry === undefined || isNothing(entry.value)) return tree
  const made = form(entry.value, path, report)
  const value = { ...made, mark: entry.value.mark }
  const entries = new Map(tree.entries).set(key, { keyPlace: entry.keyPlace, value })
  return mapOf(tree.place, entries, tree.mark)
}

function shapeFault(tree: Tree, path: string, report: Report, message: string): Tree {
  report.fault(tree.place, { code: 'compose-value', message, path })
  return nothingAt(tree.place)
}

function nothingAt(place: Tree['place']): Leaf {
  return leafOf(place, { type: 'null', text: '' })
}

/** `[A=1, B]` to `{A: 1, B: }`. */
function pairs(tree: Tree, path: string, report: Report): Tree {
  if (tree.kind === 'map') return tree
  if (tree.kind === 'leaf') return shapeFault(tree, path, report, 'must be a map or a list')
  const entries = new Map<string, Entry>()
  for (const [index, item] of tree.items.entries()) {
    if (item.kind !== 'leaf' || item.type === 'null') {
      shapeFault(item, `${path}.${index}`, report, 'must be NAME=VALUE')
      continue
    }
    const equals = item.text.indexOf('=')
    const key = equals === -1 ? item.text : item.text.slice(0, equals)
    entries.set(key, { keyPlace: item.place, value: valueAfter(item, equals) })
  }
  return mapOf(tree.place, entries)
}

function valueAfter(item: Leaf, equals: number): Leaf {
  if (equals === -1) return { ...item, type: 'null', text: '', written: '' }
  const written = item.written.slice(item.written.indexOf('=') + 1)
  return { ...item, type: 'text', text: item.text.slice(equals + 1), written }
}

/** `x` to `[x]`. */
function many(tree: Tree, path: string, report: Report): Tree {
  if (tree.kind === 'map') return shapeFault(tree, path, report, 'must be a text or a list')
  return tree.kind === 'list' ? tree : listOf(tree.place, [tree])
}

/** `[a, b]` to `{a: …, b: …}`. */
function names(tree: Tree, path: string, report: Report, content: (item: Leaf) => Tree): Tree {
  if (tree.kind === 'map') return tree
  if (tree.kind === 'leaf') return shapeFault(tree, path, report, 'must be a list or a map')
  const entries = new Map<string, Entry>()
  for (const [index, item] of tree.items.entries()) {
    if (item.kind === 'leaf' && item.text !== '') {
      entries.set(item.text, { keyPlace: item.place, value: content(item) })
    } else shapeFault(item, `${path}.${index}`, report, 'must be a name')
  }
  return mapOf(tree.place, entries)
}

/** The short form says both, so it also replaces what an earlier file says of them. */
function dependency({ place }: Leaf): Tree {
  const entry = (type: Leaf['type'], text: string): Entry => ({
    keyPlace: place,
    value: leafOf(place, { type, text }),
  })
  return mapOf(
    place,
    new Map([
      ['condition', entry('text', 'service_started')],
      ['required', entry('boolean', 'true')],
    ]),
  )
}

/** `{a: 1.2.3.4}` and `{a: [1.2.3.4, ::1]}` to `[a=1.2.3.4, a=::1]`. */
function hosts(tree: Tree, path: string, report: Report): Tree {
  if (tree.kind === 'list') return tree
  if (tree.kind === 'leaf') return shapeFault(tree, path, report, 'must be a list or a map')
  const items: Tree[] = []
  for (const [name, { value }] of tree.entries) {
    for (const address of value.kind === 'list' ? value.items : [value]) {
      if (address.kind === 'leaf')
        items.push({ ...address, type: 'text', text: `${name}=${address.text}` })
      else shapeFault(address, `${path}.${name}`, report, 'must be an address')
    }
  }
  return listOf(tree.place, items)
}
