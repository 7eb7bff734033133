import { posix } from 'node:path'
import { prose } from './paths.ts'
import type { Finding, Rule, Tree } from './tree.ts'

/** A link to a file of the project, perhaps to a heading in it. */
const link = /\]\((?![a-z]+:)([^()\s#]*)(?:#([^()\s]*))?\)/g

/** The anchors of a document, as its pages on the web have them: one for each heading. */
function anchorsOf(text: string): ReadonlySet<string> {
  const found = new Map<string, number>()
  const anchors = new Set<string>()
  const outside = text.replace(/^```[\s\S]*?^```$/gm, '')
  for (const [, heading = ''] of outside.matchAll(/^#{1,6} (.*)$/gm)) {
    const words = heading.toLowerCase().replace(/[^\p{L}\p{N}\-_ ]/gu, '')
    const anchor = words.trim().replaceAll(' ', '-')
    const times = found.get(anchor) ?? 0
    found.set(anchor, times + 1)
    anchors.add(times === 0 ? anchor : `${anchor}-${times}`)
  }
  return anchors
}

function faultOf(path: string, target: string, anchor: string | undefined, tree: Tree): string {
  const file = target === '' ? path : posix.join(posix.dirname(path), target)
  const text = tree.get(file)
  // A folder, or a file like LICENSE, which the rules do not look at.
  if (text === undefined) return /\.\w+$/.test(file) ? `there is no ${file}` : ''
  if (anchor === undefined || anchorsOf(text).has(anchor)) return ''
  return `${file} has no heading #${anchor}`
}

/** Links of documents lead to files, and to headings, that are there. */
export const linksLead: Rule = (tree) => {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (!prose.test(path)) continue
    for (const [index, line] of text.split('\n').entries()) {
      for (const [, target = '', anchor] of line.replace(/`[^`]*`/g, '').matchAll(link)) {
        const message = faultOf(path, target, anchor, tree)
        if (message !== '') findings.push({ path, line: index + 1, message })
      }
    }
  }
  return findings
}
