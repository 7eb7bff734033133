import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import { composeDepthMax, composeNodesMax } from '../../limits.ts'
import { reasons, yamlReason } from '../../sources/yaml-reasons.ts'
import type { Place } from '../project.ts'
import type { Report } from '../report.ts'
import { plainScalar } from './scalars.ts'
import {
  type Entry,
  leafOf,
  listOf,
  type Mapping,
  type Mark,
  mapOf,
  marked,
  type Tree,
} from './tree.ts'

const coreTag = 'tag:yaml.org,2002:'
/** Tags that say what a value would be without them too. */
const plainTags = new Set(['str', 'int', 'float', 'bool', 'null', 'map', 'seq'])

/**
 * Reads the documents of a Compose file: YAML 1.2 with merge keys, `!reset` and `!override`. A
 * document that has faults is left out. An empty file has no documents.
 */
export function parseTrees(file: string, text: string, report: Report): readonly Mapping[] {
  const reader = new Reader(file, report)
  return reader.read(text.startsWith('\uFEFF') ? text.slice(1) : text)
}

class Reader {
  readonly #file: string
  readonly #report: Report
  readonly #lines = new LineCounter()
  #anchors = new Map<string, Tree>()
  #isTooLarge = false

  constructor(file: string, report: Report) {
    this.#file = file
    this.#report = report
  }

  read(text: string): readonly Mapping[] {
    const trees: Mapping[] = []
    for (const { contents, isSound } of this.#documents(text)) {
      this.#anchors = new Map()
      if (!isSound || contents === null) continue
      const tree = this.#tree(contents, 0)
      if (tree.kind === 'map') trees.push(tree)
      else if (tree.kind === 'list' || tree.type !== 'null') {
        this.#fault(tree.place, 'a Compose file is a map, with "services" in it')
      }
    }
    return trees
  }

  /** The documents of the text; not sound where the syntax has faults, which are then said. */
  *#documents(text: string): Generator<{ contents: Node | null; isSound: boolean }> {
    let documents: ReturnType<typeof parseAllDocuments>
    try {
      documents = parseAllDocuments(text, {
        schema: 'failsafe',
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: 'silent',
        lineCounter: this.#lines,
      })
    } catch {
      // The parser recurses.
      return this.#fault({ file: this.#file, line: 1, column: 1 }, reasons.RESOURCE_EXHAUSTION)
    }
    if (!Array.isArray(documents)) return
    for (const document of documents) {
      const found = [...document.errors, ...document.warnings].filter(
        ({ code }) => code !== 'TAG_RESOLVE_FAILED',
      )
      let isLost = false
      for (const [index, error] of found.entries()) {
        // What follows at the same place follows from the first, and so do further signs which do
        // not belong where they are.
        if (index > 0 && error.pos[0] === found[index - 1]?.pos[0]) continue
        if (!isLost) this.#fault(this.#place(error.pos[0]), yamlReason(error, text))
        isLost ||= error.code === 'UNEXPECTED_TOKEN'
      }
      yield { contents: document.contents, isSound: found.length === 0 }
    }
  }

  #place(offset: number | undefined): Place {
    const { line, col } = this.#lines.linePos(offset ?? 0)
    return { file: this.#file, line, column: col }
  }

  #fault(place: Place, message: string): void {
    this.#report.fault(place, { code: 'yaml', message })
  }

  #tree(node: unknown, depth: number): Tree {
    const place = this.#place(isNode(node) ? node.range?.[0] : 0)
    if (depth > composeDepthMax) {
      this.#fault(place, reasons.RESOURCE_EXHAUSTION)
      return leafOf(place, { type: 'null', text: '' })
    }
    if (isAlias(node)) return this.#alias(node.source, place)
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) {
      return leafOf(place, { type: 'null', text: '' })
    }
    const mark = this.#mark(node.tag, place)
    const tree = this.#bounded(
      isScalar(node)
        ? this.#scalar(node, place)
        : isMap(node)
          ? this.#map(node, place, depth)
          : listOf(
              place,
              node.items.map((item) => this.#tree(item, depth + 1)),
            ),
    )
    const whole = marked(tree, mark)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, whole)
    return whole
  }

  #alias(name: string, place: Place): Tree {
    const tree = this.#anchors.get(name)
    if (tree !== undefined) return tree
    this.#fault(place, `nothing before this alias has the anchor &${name}`)
    return leafOf(place, { type: 'null', text: '' })
  }

  /** Aliases of aliases multiply; what they come to is counted and not made. */
  #bounded(tree: Tree): Tree {
    if (tree.size <= composeNodesMax) return tree
    if (!this.#isTooLarge) this.#fault(tree.place, 'its aliases (*) make it too large')
    this.#isTooLarge = true
    return leafOf(tree.place, { type: 'null', text: '' })
  }

  #mark(tag: string | undefined, place: Place): Mark {
    if (tag === '!reset') return 'reset'
    if (tag === '!override') return 'override'
    const isPlain =
      tag === undefined ||
      tag === '!' ||
      (tag.startsWith(coreTag) && plainTags.has(tag.slice(coreTag.length)))
    if (!isPlain)
      this.#fault(place, 'covey knows no such tag (!): Compose has !reset and !override')
    return undefined
  }

  #scalar(node: Scalar, place: Place): Tree {
    const text = String(node.value)
    const isPlain = node.type === 'PLAIN' && node.tag !== `${coreTag}str` && node.tag !== '!'
    return leafOf(place, isPlain ? plainScalar(text) : { type: 'text', text })
  }

  #map(node: YAMLMap, place: Place, depth: number): Tree {
    const entries = new Map<string, Entry>()
    const merged: Tree[] = []
    for (const pair of node.items) {
      if (!isPair(pair)) continue
      const keyPlace = this.#place(isNode(pair.key) ? pair.key.range?.[0] : 0)
      const key = this.#key(pair.key, keyPlace)
      // A value that is not there stands nowhere: it is told at its key.
      const value =
        pair.value === null || isAbsent(pair.value)
          ? leafOf(keyPlace, { type: 'null', text: '' })
          : this.#tree(pair.value, depth + 1)
      if (key === undefined) continue
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') merged.push(value)
      else if (entries.has(key)) this.#fault(keyPlace, reasons.DUPLICATE_KEY)
      else entries.set(key, { keyPlace, value })
    }
    this.#merge(entries, merged)
    return mapOf(place, entries)
  }

  #key(node: unknown, place: Place): string | undefined {
    if (isScalar(node)) return String(node.value)
    const alias = isAlias(node) ? this.#alias(node.source, place) : undefined
    if (alias?.kind === 'leaf' && alias.type !== 'null') return alias.text
    if (!isAlias(node) || alias?.kind !== 'leaf') this.#fault(place, reasons.NON_STRING_KEY)
    return undefined
  }

  /** Of several `<<` the last wins, as PyYAML has it; of a list of one `<<` the first. */
  #merge(entries: Map<string, Entry>, merged: readonly Tree[]): void {
    for (const tree of [...merged].reverse()) {
      for (const map of tree.kind === 'list' ? tree.items : [tree]) {
        if (map.kind !== 'map') {
          this.#fault(map.place, 'a merge key (<<) takes a map, or an alias (*) of one')
          continue
        }
        for (const [key, entry] of map.entries) if (!entries.has(key)) entries.set(key, entry)
      }
    }
  }
}

function isNode(node: unknown): node is Node {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)
}

/** `key:` and nothing else, not even a tag. */
function isAbsent(node: unknown): boolean {
  return isScalar(node) && node.source === '' && node.type === 'PLAIN' && node.tag === undefined
}
