import type { Finding, Rule } from './tree.ts'

/** Rooms whose docstrings are plain statements: all that hold code. */
const plainRooms = /^(agent|machine|operator|platform|protocol|reconcilers|simulations|test)\//

const question = /\/\*\*[\s*]*\b(What|Whether|Why|How)\b/g

/** A docstring states what something is; it does not open like a question. */
export const plainDocstrings: Rule = (tree) => {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (!path.endsWith('.ts') || !plainRooms.test(path)) continue
    for (const { 0: opening, 1: word, index } of text.matchAll(question)) {
      const line = text.slice(0, index + opening.length).split('\n').length
      findings.push({ path, line, message: `a docstring opens with ${word}: state what it is` })
    }
  }
  return findings
}
