import type { Report } from '../report.ts'
import { originText } from '../variables/scope.ts'
import { substitute } from '../variables/substitute.ts'
import { type Home, type Leaf, listOf, mapOf, rebuilt, type Tree } from '../yaml/tree.ts'

/**
 * Puts the variables of a home into every text of a tree, but not into keys. What is an alias of
 * the same anchor stays one and the same tree.
 */
export function interpolate(tree: Tree, home: Home, report: Report): Tree {
  return rebuilt(tree, (node, visit) => {
    if (node.kind === 'leaf') return leaf(node, home, report)
    if (node.kind === 'list') {
      // Compose takes a !reset item away, and does nothing with one of an earlier file.
      const items = node.items.filter(({ mark }) => mark !== 'reset')
      return listOf(node.place, items.map(visit), node.mark)
    }
    const entries = [...node.entries].map(
      ([key, { keyPlace, value }]) => [key, { keyPlace, value: visit(value) }] as const,
    )
    return mapOf(node.place, new Map(entries), node.mark)
  })
}

function leaf(node: Leaf, home: Home, report: Report): Leaf {
  if (node.type !== 'text') return { ...node, home }
  const { text, used, unset, faults } = substitute(node.text, (name) => home.scope.get(name))
  for (const message of faults) {
    report.fault(node.place, {
      code: 'compose-variable',
      message: `${message}${originText(used)}`,
    })
  }
  for (const name of unset) {
    const message = `the variable ${name} is not set: it is taken as empty`
    report.note(node.place, { code: 'compose-unset', message })
  }
  return {
    ...node,
    text,
    home,
    variables: used,
    isSensitive: used.some(({ isSensitive }) => isSensitive),
  }
}
