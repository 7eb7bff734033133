import { basename, dirname } from 'node:path/posix'
import ts from 'typescript'
import { type Finding, lineOf, type Rule, roomOf, type Source, sources } from './tree.ts'

const bannedWords = ['util', 'utils', 'helper', 'helpers', 'manager', 'common', 'misc']
const bannedExport = /(Utils?|Helpers?|Manager|Common|Misc)$/

/** Files and folders are named for the one job that they do. */
export const namedForTheJob: Rule = (tree) =>
  [...tree.keys()].flatMap((path) => {
    const word = path
      .toLowerCase()
      .split(/[/._-]/)
      .find((part) => bannedWords.includes(part))
    return word === undefined ? [] : [{ path, line: 1, message: `"${word}" names no job` }]
  })

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
  return modifiers?.some((modifier) => modifier.kind === kind) ?? false
}

function isDefaultExport(node: ts.Statement): boolean {
  if (ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.DefaultKeyword)) return true
  const clause = ts.isExportDeclaration(node) ? node.exportClause : undefined
  if (clause === undefined || !ts.isNamedExports(clause)) return false
  return clause.elements.some((element) => element.name.text === 'default')
}

/** A thing has one name everywhere. */
export const noDefaultExports: Rule = (tree) =>
  sources(tree).flatMap(({ path, file }) =>
    file.statements
      .filter(isDefaultExport)
      .map((node) => ({ path, line: lineOf(file, node), message: 'default export' })),
  )

function declaredNames(node: ts.Statement): string {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map(({ name }) => name.getText()).join(', ')
  }
  return ts.isDeclarationStatement(node) ? (node.name?.getText() ?? '') : ''
}

function isDocumented(node: ts.Statement): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0
}

/**
 * Docstrings missing in one file. One above a run of declarations without a blank line is for all
 * of them.
 */
function undocumented({ path, file }: Source): readonly Finding[] {
  const findings: Finding[] = []
  let coveredUntilLine = 0
  for (const node of file.statements) {
    const line = lineOf(file, node)
    const exported = hasModifier(node, ts.SyntaxKind.ExportKeyword)
    const covered = isDocumented(node) || line === coveredUntilLine + 1
    if (exported && !covered) {
      findings.push({ path, line, message: `exported ${declaredNames(node)} has no docstring` })
    }
    const end = file.getLineAndCharacterOfPosition(node.getEnd()).line + 1
    coveredUntilLine = exported && covered ? end : 0
  }
  return findings
}

const documentedRooms = [
  'protocol',
  'reconcilers',
  'platform',
  'machine',
  'agent',
  'operator',
  'simulations',
]

/** Whatever a room offers says what it is: shapes, units, errors, and the source of a rule. */
export const documentedExports: Rule = (tree) =>
  sources(tree)
    .filter(({ path }) => documentedRooms.includes(roomOf(path)))
    .flatMap(undocumented)

/** Exported names say the job too. */
export const exportsNamedForTheJob: Rule = (tree) =>
  sources(tree).flatMap(({ path, file }) =>
    file.statements
      .filter((node) => hasModifier(node, ts.SyntaxKind.ExportKeyword))
      .filter((node) => bannedExport.test(declaredNames(node)))
      .map((node) => ({
        path,
        line: lineOf(file, node),
        message: `"${declaredNames(node)}" names no job`,
      })),
  )

const roomFiles = ['spec.ts', 'observe.ts', 'plan.ts', 'apply.ts', 'index.ts']

/** Every reconciler room has the same five files, so that who knows one knows them all. */
export const fiveFiles: Rule = (tree) =>
  [...tree.keys()]
    .filter((path) => /^reconcilers\/[^/]+\/spec\.ts$/.test(path) && basename(path) === 'spec.ts')
    .flatMap((spec) =>
      roomFiles
        .map((name) => `${dirname(spec)}/${name}`)
        .filter((path) => !tree.has(path))
        .map((path) => ({ path: spec, line: 1, message: `a reconciler room has ${path} as well` })),
    )
