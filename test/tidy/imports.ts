import { posix } from 'node:path'
import ts from 'typescript'
import { type Finding, lineOf, type Rule, roomOf, type Source, sources, walk } from './tree.ts'

/**
 * Rooms that a file of a room may import from, besides its own (docs/ARCHITECTURE.md, The house).
 */
const allowedRooms: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  reconcilers: ['protocol'],
  platform: ['protocol'],
  machine: ['protocol', 'reconcilers', 'platform'],
  agent: ['protocol', 'reconcilers', 'platform', 'machine'],
  operator: ['protocol', 'reconcilers', 'platform'],
  simulations: ['protocol', 'reconcilers', 'platform', 'machine', 'agent'],
  test: ['protocol', 'reconcilers', 'platform', 'machine', 'agent', 'operator', 'simulations', ''],
  '': ['protocol', 'reconcilers', 'platform', 'machine', 'agent', 'operator'],
}

/**
 * The parts of the machine room that touch no host: the client of registries, the resolver of names
 * and the clock. The operator looks up tags with them.
 */
const hostlessMachine = /^machine\/(images\/registry\/|names\.ts$|clock\.ts$)/

/** Parts of a reconciler that touch a host; nothing that runs on a laptop may reach them. */
const touchesHost = /^reconcilers\/[^/]+\/(apply|observe)\.ts$/

interface Import {
  readonly specifier: string
  readonly line: number
  /** True if it vanishes when types are stripped. */
  readonly typeOnly: boolean
}

function specifierOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal
  if (!ts.isCallExpression(node)) return undefined
  const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword
  const required = ts.isIdentifier(node.expression) && node.expression.text === 'require'
  return dynamic || required ? node.arguments[0] : undefined
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  if (!ts.isImportDeclaration(node) || node.importClause === undefined) return false
  if (node.importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = node.importClause
  if (name !== undefined || namedBindings === undefined) return false
  if (!ts.isNamedImports(namedBindings)) return false
  return (
    namedBindings.elements.length > 0 && namedBindings.elements.every((each) => each.isTypeOnly)
  )
}

/** Every import of a file: of values, of types, dynamic ones and `require`. */
export function importsOf({ file }: Source): readonly Import[] {
  const found: Import[] = []
  walk(file, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    const line = lineOf(file, node)
    found.push({ specifier: specifier.text, line, typeOnly: isTypeOnly(node) })
  })
  return found
}

/** Path from the root that a relative import means, or null for a package. */
export function targetOf(path: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null
}

function judge(path: string, { specifier, line }: Import): Finding | null {
  const room = roomOf(path)
  const target = targetOf(path, specifier)
  const finding = (message: string): Finding => ({ path, line, message })
  if (target === null) {
    if (room !== 'protocol' || specifier === 'zod') return null
    return finding(`protocol imports zod and nothing else, not ${specifier}`)
  }
  if (target.startsWith('../')) return finding(`${specifier} lies outside the project`)
  const allowed = allowedRooms[room]
  if (allowed === undefined) return finding(`${room}/ is not a room of the house`)
  const wanted = roomOf(target)
  if (wanted === room || allowed.includes(wanted)) return null
  if (room === 'operator' && hostlessMachine.test(target)) return null
  return finding(`${room || 'the root'} must not import from ${wanted || 'the root'}: ${specifier}`)
}

/** Imports point up the list of rooms only. */
export const importDirections: Rule = (tree) =>
  sources(tree).flatMap((source) =>
    importsOf(source)
      .map((each) => judge(source.path, each))
      .filter((finding) => finding !== null),
  )

/**
 * No chain of imports that survives the stripping of types leads from the operator to a host's
 * machinery.
 */
export const operatorStaysPure: Rule = (tree) => {
  const byPath = new Map(sources(tree).map((source) => [source.path, source]))
  const findings: Finding[] = []
  const follow = (path: string, chain: readonly string[], line: number): void => {
    const source = byPath.get(path)
    const start = chain[0] ?? path
    if (source === undefined || seen.has(path)) return
    seen.add(path)
    if (touchesHost.test(path)) {
      const message = `the operator reaches ${[...chain.slice(1), path].join(' -> ')}`
      findings.push({ path: start, line, message })
      return
    }
    for (const each of importsOf(source)) {
      const target = each.typeOnly ? null : targetOf(path, each.specifier)
      if (target !== null) follow(target, [...chain, path], chain.length === 0 ? each.line : line)
    }
  }
  const seen = new Set<string>()
  for (const { path } of sources(tree)) {
    if (roomOf(path) !== 'operator') continue
    seen.delete(path)
    follow(path, [], 1)
  }
  return findings
}

/** Nothing that a program starts with imports Node's HTTP itself (platform/http.ts says why). */
export const httpAtOnePlace: Rule = (tree) =>
  sources(tree)
    .filter(({ path }) => !/^(test|simulations)\//.test(path))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ specifier, typeOnly }) => /^node:https?$/.test(specifier) && !typeOnly)
        .map(({ line }) => ({
          path: source.path,
          line,
          message: 'takes what it needs of HTTP from platform/http.ts',
        })),
    )
