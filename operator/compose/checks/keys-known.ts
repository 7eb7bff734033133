import { composeKeys } from '../keys.ts'
import type { Report } from '../report.ts'
import { isNothing, type Tree } from '../yaml/tree.ts'

/** Known keys below each path that has some; `*` where the file chooses the names. */
const below = new Map<string, Set<string>>()
for (const path of composeKeys.keys()) {
  const at = path.lastIndexOf('.')
  const parent = at === -1 ? '' : path.slice(0, at)
  below.set(parent, (below.get(parent) ?? new Set()).add(path.slice(at + 1)))
}
/** Paths above the known ones: `services.*`. */
const parents = new Set(
  [...below.keys()].flatMap((path) => {
    const parts = path.split('.')
    return parts.map((_, at) => parts.slice(0, at + 1).join('.'))
  }),
)

/**
 * Looks at every key of a tree: an unknown one is a fault with what may be meant, a refused one a
 * fault with what to use instead, one without effect a note.
 */
export function checkKeys(tree: Tree, path: string, pattern: string, report: Report): void {
  if (tree.kind === 'leaf') return
  if (tree.kind === 'list') {
    for (const [at, item] of tree.items.entries()) {
      if (parents.has(`${pattern}[]`)) checkKeys(item, `${path}.${at}`, `${pattern}[]`, report)
    }
    return
  }
  const isNamed = parents.has(join(pattern, '*'))
  const known = below.get(pattern)
  if (!isNamed && known === undefined) return
  for (const [key, { keyPlace, value }] of tree.entries) {
    const deeper = join(pattern, isNamed ? '*' : key)
    if (isNamed) checkKeys(value, join(path, key), deeper, report)
    else if (!key.startsWith('x-')) {
      const message = ruleMessage(deeper, key, known ?? new Set(), value)
      const fault = { message: message?.text ?? '', path: join(path, key) }
      if (message?.kind === 'no-effect') {
        report.noteOnce(deeper, keyPlace, { code: 'compose-no-effect', ...fault })
      } else if (message?.kind === 'refused')
        report.fault(keyPlace, { code: 'compose-refused', ...fault })
      else if (message?.kind === 'unknown')
        report.fault(keyPlace, { code: 'compose-key', ...fault })
      else checkKeys(value, join(path, key), deeper, report)
    }
  }
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

interface RuleMessage {
  readonly kind: 'no-effect' | 'refused' | 'unknown'
  readonly text: string
}

function ruleMessage(
  pattern: string,
  key: string,
  known: ReadonlySet<string>,
  value: Tree,
): RuleMessage | undefined {
  const rule = composeKeys.get(pattern)
  if (rule?.kind === 'supported' || (rule !== undefined && isNothing(value))) return undefined
  if (rule?.kind === 'no-effect') {
    return { kind: 'no-effect', text: `"${key}" has no effect: ${rule.reason}` }
  }
  if (rule?.kind === 'refused') {
    return { kind: 'refused', text: `covey does not support "${key}": ${rule.instead}` }
  }
  const near = nearest(key, known)
  const meant = near === undefined ? '' : `: do you mean "${near}"?`
  return { kind: 'unknown', text: `Compose knows no key "${key}" here${meant}` }
}

/** The known key that is at most a third of the letters away. */
function nearest(key: string, known: ReadonlySet<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '_')
  let best: string | undefined
  let least = Math.floor(key.length / 3) + 1
  for (const candidate of known) {
    const away = distance(plain(key), plain(candidate))
    if (away < least) [best, least] = [candidate, away]
  }
  return best
}

/** Letters to add, to leave out or to change (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (const [at, letter] of [...one.slice(0, 64)].entries()) {
    const next = [at + 1]
    for (let to = 0; to < other.length; to += 1) {
      const change = (row[to] ?? 0) + (letter === other[to] ? 0 : 1)
      next.push(Math.min(change, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
