import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLError,
} from 'yaml'
import type { Source } from '../files/read-text.ts'
import { faultsFailure } from '../terminal/failure.ts'
import { at, type Located, locateIn, type Places } from './located.ts'

/** Nesting of a layout; deeper ones are a mistake or an attack. */
const depthMax = 64

/** A YAML text with its syntax tree, which editing needs. */
export interface YamlSource extends Located {
  readonly document: Document.Parsed<ParsedNode>
}

/**
 * Reads YAML 1.2 with merge keys, as Compose files use them. Throws `Failure` with every fault of
 * the syntax, every key that stands twice and every tag that is not known.
 */
export function parseYamlSource(source: Source): YamlSource {
  const document = parseDocument(source.text, {
    merge: true,
    stringKeys: true,
    prettyErrors: false,
  })
  const faults: YAMLError[] = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    throw faultsFailure(
      faults.map((fault) => at(source, fault.pos[0], { code: 'yaml', message: yamlReason(fault) })),
    )
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw faultsFailure([at(source, 0, { code: 'yaml', message })])
  }
  return {
    file: source.file,
    value,
    document,
    locate: (found) => locateIn(source, placesOf(document.contents), found),
  }
}

function yamlReason(fault: YAMLError): string {
  const line = fault.message.split('\n', 1)[0] ?? ''
  const text = fault.code === 'DUPLICATE_KEY' ? 'this key stands twice' : line
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function placesOf(contents: Node | null): Places {
  const places = new Map<string, number>()
  const visit = (node: unknown, path: string, depth: number): void => {
    if (depth > depthMax) return
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue
        const below = path === '' ? String(key.value) : `${path}.${key.value}`
        places.set(below, key.range?.[0] ?? 0)
        visit(value, below, depth + 1)
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const below = path === '' ? `${index}` : `${path}.${index}`
        if (isScalar(item) || isMap(item) || isSeq(item) || isAlias(item)) {
          places.set(below, item.range?.[0] ?? 0)
        }
        visit(item, below, depth + 1)
      }
    }
  }
  visit(contents, '', 0)
  return places
}
