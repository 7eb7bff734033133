import ts from 'typescript'
import { type Finding, lineOf, type Rule, sources, walk } from './tree.ts'

const pureFile = /^(protocol\/.*|reconcilers\/[^/]+\/plan)\.ts$/

/** Globals that bring time, chance or the outside world into a function. */
const impureGlobals = new Set([
  'Date',
  'performance',
  'crypto',
  'process',
  'fetch',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
])

/**
 * True if an identifier is a value or a type of that name, and not a member or a key of something.
 */
function standsAlone(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isQualifiedName(parent)) return parent.left === node
  const named = ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)
  const member = ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent)
  if (named || member || ts.isPropertyDeclaration(parent)) return parent.name !== node
  return !ts.isImportSpecifier(parent) && !ts.isExportSpecifier(parent)
}

function impureUse(node: ts.Node): string | null {
  if (ts.isIdentifier(node) && impureGlobals.has(node.text) && standsAlone(node)) return node.text
  if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') return 'Math.random'
  if (ts.isIdentifier(node) && node.text === 'globalThis') return 'globalThis'
  return null
}

/** The protocol and every plan are functions of their inputs: no clock, no chance, no IO. */
export const pureRooms: Rule = (tree) => {
  const findings: Finding[] = []
  for (const { path, file } of sources(tree)) {
    if (!pureFile.test(path)) continue
    walk(file, (node) => {
      const name = impureUse(node)
      if (name === null) return
      const message = `${name} in a pure file: time, chance and IO come in as inputs`
      findings.push({ path, line: lineOf(file, node), message })
    })
  }
  return findings
}
