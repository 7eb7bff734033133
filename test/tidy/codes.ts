import ts from 'typescript'
import { type Finding, lineOf, type Rule, roomOf, sources, type Tree, walk } from './tree.ts'

/**
 * Functions that make an error or a fault, each with the index of the argument that is the code.
 */
const makers: Readonly<Record<string, number>> = {
  CoveyError: 0,
  ExecRefusal: 0,
  Failure: 1,
  Problem: 1,
  RegistryError: 0,
  bad: 0,
  refused: 0,
  super: 0,
}

const rooms = new Set(['protocol', 'platform', 'reconcilers', 'machine', 'agent', 'operator'])
const form = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** Codes that end where they are caught: no person and no script is told them. */
const unseen: ReadonlyMap<string, string> = new Map([
  ['aborted', 'ends the work of a thread, whose caller has its own reason'],
  ['client-gone', 'ends the work for a client that no longer listens'],
  ['custom', 'is a code of zod'],
  ['name-unresolved', 'is told as registry-dns, or as a name without an address'],
  ['pull-ended', 'ends a pull that nobody waits for'],
  ['request', 'is told as the breach of a peer, by its message'],
  ['request-too-large', 'cannot happen: own requests are small'],
  ['status-record', 'is told as the breach of a peer, by its message'],
  ['too-many-names', 'is told as registry-dns, or as a name without an address'],
  ['unreadable', 'is told as state-damaged'],
  ['unsafe-argument', 'cannot happen: values are checked long before'],
  ['unsafe-path', 'cannot happen: names are checked long before'],
])

/** Literals that an expression can come to: itself, or the sides of `?:`, `??` and `||`. */
function literals(node: ts.Expression | undefined): readonly ts.StringLiteralLike[] {
  if (node === undefined) return []
  if (ts.isStringLiteralLike(node)) return [node]
  if (ts.isConditionalExpression(node)) {
    return [...literals(node.whenTrue), ...literals(node.whenFalse)]
  }
  if (ts.isParenthesizedExpression(node)) return literals(node.expression)
  return ts.isBinaryExpression(node) ? [...literals(node.left), ...literals(node.right)] : []
}

function codesAt(node: ts.Node): readonly ts.StringLiteralLike[] {
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
    const name = node.expression.getText()
    const index = Object.hasOwn(makers, name) ? makers[name] : undefined
    return index === undefined ? [] : literals(node.arguments?.[index])
  }
  if (!ts.isPropertyAssignment(node) && !ts.isVariableDeclaration(node)) return []
  return node.name.getText() === 'code' ? literals(node.initializer) : []
}

/** Tells whether a document of `docs/` names a code, alone or by its first word, as `card-…`. */
function documented(tree: Tree): (code: string) => boolean {
  const texts = [...tree].filter(([path]) => /^docs\/[^/]+\.md$/.test(path)).map(([, text]) => text)
  const names = new Set(
    texts.flatMap((text) => [...text.matchAll(/`([a-z0-9-]+…?)`/g)].map(([, name]) => name)),
  )
  return (code) => names.has(code) || names.has(`${code.split('-')[0]}-…`)
}

/** Every code that a person can meet is in a document, which says what to do about it. */
export const documentedCodes: Rule = (tree) => {
  const isDocumented = documented(tree)
  const findings: Finding[] = []
  for (const { path, file } of sources(tree)) {
    if (!rooms.has(roomOf(path))) continue
    walk(file, (node) => {
      for (const literal of codesAt(node)) {
        const code = literal.text
        if (!form.test(code) || unseen.has(code) || isDocumented(code)) continue
        findings.push({ path, line: lineOf(file, literal), message: `${code} is in no document` })
      }
    })
  }
  return findings
}
