import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

/** Text files of the project by their path from its root, with `/` between the parts. */
export type Tree = ReadonlyMap<string, string>

/** One violation of a house rule. */
export interface Finding {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** A house rule looks at the whole tree and reports everything at once. */
export type Rule = (tree: Tree) => readonly Finding[]

const skippedFolders = new Set(['.git', '.build', 'node_modules', 'dist'])
const textFile = /(\.(ts|js|json|md|sh|yml|yaml|service|css|html)|^bin\/\w+|^test\/run|^\.ci\/run)$/

/** Reads every text file below `root` that belongs to the project. */
export function readTree(root: string): Tree {
  const tree = new Map<string, string>()
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) visit(path)
      const name = relative(root, path)
      if (entry.isFile() && textFile.test(name)) tree.set(name, readFileSync(path, 'utf8'))
    }
  }
  visit(root)
  return tree
}

/** One parsed TypeScript file. */
export interface Source {
  readonly path: string
  readonly file: ts.SourceFile
}

const parsed = new WeakMap<Tree, readonly Source[]>()

/** The TypeScript files of a tree, each parsed once. */
export function sources(tree: Tree): readonly Source[] {
  const known = parsed.get(tree)
  if (known !== undefined) return known
  const found = [...tree]
    .filter(([path]) => path.endsWith('.ts'))
    .map(([path, text]) => ({
      path,
      file: ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true),
    }))
  parsed.set(tree, found)
  return found
}

/** Calls `visit` with every node below `node`, itself included. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** Line of a position, from 1. */
export function lineAt(file: ts.SourceFile, position: number): number {
  return file.getLineAndCharacterOfPosition(position).line + 1
}

/** Line on which a node starts, its comments left out, from 1. */
export function lineOf(file: ts.SourceFile, node: ts.Node): number {
  return lineAt(file, node.getStart(file))
}

/** The room that a file lives in: its first folder, or `` at the root. */
export function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}
