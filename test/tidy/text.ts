import ts from 'typescript'
import { type Finding, lineOf, type Rule, sources, walk } from './tree.ts'

interface Banned {
  readonly pattern: RegExp
  readonly reason: string
}

const banned: readonly Banned[] = [
  {
    pattern: /(?<![\w.~-])\/(home|Users|work|workspace|builds)\/[\w.]/,
    reason: 'a path of the machine that it was written on',
  },
  { pattern: /\.\.\/shared\//, reason: 'a path outside the project' },
  { pattern: /\b(TO[D]O|FIX[M]E|X[X]X)\b/, reason: 'unfinished work is no comment' },
  { pattern: /^(<{7}|>{7}|\|{7}) /, reason: 'a mark of a merge that was not resolved' },
]

/** No file names a folder of somebody's machine, or leaves work for later. */
export const cleanText: Rule = (tree) => {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (path === 'package-lock.json') continue
    for (const [index, line] of text.split('\n').entries()) {
      for (const { pattern, reason } of banned) {
        const match = pattern.exec(line)
        if (match === null) continue
        findings.push({ path, line: index + 1, message: `"${match[0]}": ${reason}` })
      }
    }
  }
  return findings
}

const testFunctions = new Set(['it', 'test', 'describe', 'suite'])
const switches = new Set(['skip', 'only', 'todo'])

/** A test that is switched off proves nothing, and looks as if it did. */
export const noSwitchedOffTests: Rule = (tree) => {
  const findings: Finding[] = []
  for (const { path, file } of sources(tree)) {
    if (!path.endsWith('.test.ts')) continue
    walk(file, (node) => {
      const method =
        ts.isPropertyAccessExpression(node) &&
        testFunctions.has(node.expression.getText()) &&
        switches.has(node.name.text)
      const option =
        ts.isPropertyAssignment(node) &&
        switches.has(node.name.getText()) &&
        ts.isObjectLiteralExpression(node.parent) &&
        ts.isCallExpression(node.parent.parent) &&
        testFunctions.has(node.parent.parent.expression.getText())
      if (!method && !option) return
      findings.push({ path, line: lineOf(file, node), message: 'a test that is switched off' })
    })
  }
  return findings
}
