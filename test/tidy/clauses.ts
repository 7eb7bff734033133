import ts from 'typescript'
import { type Finding, lineOf, type Rule, type Source, sources, walk } from './tree.ts'

const protocol = 'docs/PROTOCOL.md'

const rule = '[A-Z]\\d{1,2}'
const list = `${rule}(?:(?:, | to )${rule})*`
const before = new RegExp(`^(${list}):(?: |$)`)
const after = new RegExp(`\\((${list})\\)$`)

/** `O2 to O4` are three rules. */
function expanded(text: string): readonly string[] {
  return text.split(', ').flatMap((part) => {
    const [first = '', last = first] = part.split(' to ')
    const [from, to] = [Number(first.slice(1)), Number(last.slice(1))]
    return Array.from({ length: to - from + 1 }, (_, index) => `${first[0]}${from + index}`)
  })
}

interface Citation {
  readonly name: string
  readonly path: string
  readonly line: number
}

/** Rules that names of tests begin with, as `O2 to O4: …`, or end with, as `… (D4)`. */
function citationsIn({ path, file }: Source): readonly Citation[] {
  const found: Citation[] = []
  walk(file, (node) => {
    if (!ts.isStringLiteralLike(node) && !ts.isTemplateHead(node)) return
    const [, names] = before.exec(node.text) ?? after.exec(node.text) ?? []
    if (names === undefined) return
    const line = lineOf(file, node)
    found.push(...expanded(names).map((name) => ({ name, path, line })))
  })
  return found
}

/** Rules of the protocol, with the line of each. */
function rulesIn(text: string): ReadonlyMap<string, number> {
  const rules = new Map<string, number>()
  for (const [index, line] of text.split('\n').entries()) {
    const [, name] = new RegExp(`^\\| (${rule}) \\|`).exec(line) ?? []
    if (name !== undefined) rules.set(name, index + 1)
  }
  return rules
}

/** The name of a test says which rule of the protocol it checks, and each rule has such a test. */
export const citedRules: Rule = (tree) => {
  const text = tree.get(protocol)
  if (text === undefined) return []
  const rules = rulesIn(text)
  const citations = sources(tree)
    .filter(({ path }) => path.startsWith('test/') && path.endsWith('.test.ts'))
    .filter(({ path }) => !path.startsWith('test/tidy/'))
    .flatMap(citationsIn)
  const cited = new Set(citations.map(({ name }) => name))
  const findings: Finding[] = []
  for (const { name, path, line } of citations) {
    if (!rules.has(name)) findings.push({ path, line, message: `${protocol} has no rule ${name}` })
  }
  for (const [name, line] of rules) {
    if (cited.has(name)) continue
    findings.push({ path: protocol, line, message: `${name} is cited by no test` })
  }
  return findings
}
