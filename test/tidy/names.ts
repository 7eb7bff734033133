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

function declaredNames(node: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map(({ name }) => name.getText())
  }
  const name = ts.isDeclarationStatement(node) ? node.name : undefined
  return name === undefined ? [] : [name.getText()]
}

function isDocumented(node: ts.Statement): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0
}

interface Export {
  readonly name: string
  readonly line: number
}

/** Names that a file declares and exports, not those that it only passes on. */
function exportsOf({ file }: Source): readonly Export[] {
  return file.statements
    .filter((node) => hasModifier(node, ts.SyntaxKind.ExportKeyword))
    .flatMap((node) => declaredNames(node).map((name) => ({ name, line: lineOf(file, node) })))
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
      findings.push({
        path,
        line,
        message: `exported ${declaredNames(node).join(', ')} has no docstring`,
      })
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
  sources(tree).flatMap((source) =>
    exportsOf(source)
      .filter(({ name }) => bannedExport.test(name))
      .map(({ name, line }) => ({ path: source.path, line, message: `"${name}" names no job` })),
  )

/**
 * Within a room an exported name means one thing: no two files of it export the same one. Tests are
 * apart, whose parts stand beside what they check.
 */
export const noHomonyms: Rule = (tree) => {
  const findings: Finding[] = []
  const known = new Map<string, string>()
  for (const source of sources(tree)) {
    const { path } = source
    if (roomOf(path) === 'test') continue
    for (const { name, line } of exportsOf(source)) {
      const key = `${roomOf(path)}/${name}`
      const other = known.get(key) ?? path
      known.set(key, other)
      if (other !== path) findings.push({ path, line, message: `${other} exports ${name} too` })
    }
  }
  return findings
}

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
