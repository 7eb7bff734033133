import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import type { Source } from '../files/read-text.ts'
import { Failure, faultsFailure } from '../terminal/failure.ts'
import { at, type Located, locateIn, type Places } from './located.ts'
import { valueReason, yamlReason } from './yaml-reasons.ts'

/** Nesting of a layout; deeper ones are a mistake or an attack. */
const depthMax = 64
/** The number of times that aliases may be followed in all, against texts that multiply. */
const aliasesMax = 100

/** A YAML text with its syntax tree, which editing needs. */
export interface YamlSource extends Located {
  readonly document: Document.Parsed<ParsedNode>
}

/**
 * Reads YAML 1.2 with merge keys, as Compose files use them. Throws `Failure` with every fault of
 * the syntax, every key that stands twice and every tag that is not known.
 */
export function parseYamlSource(source: Source): YamlSource {
  const document = parse(source)
  const found: YAMLError[] = [...document.errors, ...document.warnings]
  // What follows at the same place follows from the first.
  const faults = found.filter((fault, at) => at === 0 || fault.pos[0] !== found[at - 1]?.pos[0])
  if (faults.length > 0) {
    throw faultsFailure(
      faults.map((fault) =>
        at(source, fault.pos[0], { code: 'yaml', message: yamlReason(fault, source.text) }),
      ),
    )
  }
  const value = plainValue(source, document)
  return {
    file: source.file,
    value,
    document,
    locate: (found) => locateIn(source, placesOf(document.contents), found),
  }
}

function parse(source: Source): Document.Parsed<ParsedNode> {
  try {
    return parseDocument(source.text, { merge: true, stringKeys: true, prettyErrors: false })
  } catch (error) {
    throw faultsFailure([at(source, 0, { code: 'yaml', message: valueReason(error) })])
  }
}

/** The value; aliases are looked at first, since the parser does not say which one is wrong. */
function plainValue(source: Source, document: Document.Parsed<ParsedNode>): unknown {
  const aliases: { readonly name: string; readonly offset: number; readonly isOpen: boolean }[] = []
  const anchors = new Set<string>()
  const noteAnchor = (_key: unknown, node: { readonly anchor?: string }): void => {
    if (node.anchor !== undefined) anchors.add(node.anchor)
  }
  try {
    visit(document, {
      Alias(_key, { source: name, range }) {
        aliases.push({ name, offset: range?.[0] ?? 0, isOpen: !anchors.has(name) })
      },
      Scalar: noteAnchor,
      Map: noteAnchor,
      Seq: noteAnchor,
    })
    const open = aliases.filter(({ isOpen }) => isOpen)
    if (open.length === 0) return document.toJS({ maxAliasCount: aliasesMax })
    throw faultsFailure(
      open.map(({ name, offset }) => {
        const message = `nothing before this alias has the anchor &${name}`
        return at(source, offset, { code: 'yaml', message })
      }),
    )
  } catch (error) {
    if (error instanceof Failure) throw error
    const offset = aliases[0]?.offset ?? 0
    throw faultsFailure([at(source, offset, { code: 'yaml', message: valueReason(error) })])
  }
}

function placesOf(contents: Node | null): Places {
  const places = new Map<string, number>()
  const look = (node: unknown, path: string, depth: number): void => {
    if (depth > depthMax) return
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue
        const below = path === '' ? String(key.value) : `${path}.${key.value}`
        places.set(below, key.range?.[0] ?? 0)
        look(value, below, depth + 1)
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const below = path === '' ? `${index}` : `${path}.${index}`
        if (isScalar(item) || isMap(item) || isSeq(item) || isAlias(item)) {
          places.set(below, item.range?.[0] ?? 0)
        }
        look(item, below, depth + 1)
      }
    }
  }
  look(contents, '', 0)
  return places
}
