import { posix } from 'node:path'
import { type Finding, type Rule, roomOf, type Tree } from './tree.ts'

/** Most source files of one folder, those of its folders not counted (docs/HACKING.md). */
export const folderFilesMax = 16

/** The state machine is one subject. Tests and documents are found by the name of their subject. */
const largeFolders = new Set(['protocol/node'])
const largeRooms = new Set(['test', 'docs'])

function foldersOf(tree: Tree): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const path of tree.keys()) {
    if (!path.endsWith('.ts')) continue
    const folder = posix.dirname(path)
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return counts
}

/** A folder has one subject, and its list of files fits on half a screen. */
export const smallFolders: Rule = (tree) => {
  const findings: Finding[] = []
  for (const [path, count] of foldersOf(tree)) {
    if (count <= folderFilesMax || largeFolders.has(path) || largeRooms.has(roomOf(path))) continue
    const message = `folder of ${count} source files, at most ${folderFilesMax}`
    findings.push({ path, line: 1, message })
  }
  return findings
}
