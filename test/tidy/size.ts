import ts from 'typescript'
import { type Finding, lineAt, lineOf, type Rule, type Source, sources, walk } from './tree.ts'

/** Longest source file, longest function and longest line (docs/HACKING.md, House rules). */
export const fileLinesMax = 300
export const functionLinesMax = 60
export const columnsMax = 100

const measured = /(\.ts|\.sh|^bin\/\w+|^test\/run|^\.ci\/run)$/

function linesOf(text: string): readonly string[] {
  return text.replace(/\n$/, '').split('\n')
}

/** Files of code stay short enough to be read in one go. */
export const shortFiles: Rule = (tree) =>
  [...tree]
    .filter(([path]) => measured.test(path))
    .map(([path, text]) => ({ path, count: linesOf(text).length }))
    .filter(({ count }) => count > fileLinesMax)
    .map(({ path, count }) => ({
      path,
      line: fileLinesMax + 1,
      message: `file of ${count} lines, at most ${fileLinesMax}`,
    }))

/** Lines where a literal crosses the last column: text for people is not broken in two for it. */
function linesWithinText({ file }: Source): ReadonlySet<number> {
  const found = new Set<number>()
  walk(file, (node) => {
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
    if (!isText && !ts.isRegularExpressionLiteral(node)) return
    const line = lineOf(file, node)
    const end = file.getLineAndCharacterOfPosition(node.getEnd())
    if (end.line + 1 > line || end.character > columnsMax) found.add(line)
  })
  return found
}

/** Lines of code and of comments fit two side by side. */
export const shortLines: Rule = (tree) => {
  const allowed = new Map(sources(tree).map((source) => [source.path, linesWithinText(source)]))
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (!measured.test(path)) continue
    for (const [index, line] of linesOf(text).entries()) {
      const columns = [...line].length
      if (columns <= columnsMax || allowed.get(path)?.has(index + 1) === true) continue
      findings.push({ path, line: index + 1, message: `${columns} columns, at most ${columnsMax}` })
    }
  }
  return findings
}

/** The callback of `describe` only groups tests; each of those is measured for itself. */
function groupsTests(node: ts.Node): boolean {
  const call = node.parent
  if (!ts.isCallExpression(call) || !call.arguments.some((argument) => argument === node)) {
    return false
  }
  return ts.isIdentifier(call.expression) && ['describe', 'suite'].includes(call.expression.text)
}

function functionName(node: ts.Node): string {
  if (ts.isFunctionLike(node) && node.name !== undefined) return node.name.getText()
  const { parent } = node
  return ts.isVariableDeclaration(parent) ? parent.name.getText() : 'function'
}

/** Functions fit on a screen. */
export const shortFunctions: Rule = (tree) => {
  const findings: Finding[] = []
  for (const { path, file } of sources(tree)) {
    walk(file, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || groupsTests(node)) return
      const line = lineOf(file, node)
      const count = lineAt(file, node.getEnd()) - line + 1
      if (count <= functionLinesMax) return
      const message = `${functionName(node)} has ${count} lines, at most ${functionLinesMax}`
      findings.push({ path, line, message })
    })
  }
  return findings
}
