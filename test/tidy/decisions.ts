import { posix } from 'node:path'
import type { Finding, Rule } from './tree.ts'

const index = 'docs/decisions/README.md'
const record = /^docs\/decisions\/(\d{4})-[^/]+\.md$/

/** A decision has its number in its title, and a row with title, status and date in the index. */
export const indexedDecisions: Rule = (tree) => {
  const rows = (tree.get(index) ?? '').split('\n')
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    const [, number] = record.exec(path) ?? []
    if (number === undefined) continue
    const [, titled, title = ''] = /^# (\d{4}) (.+)/.exec(text) ?? []
    if (titled !== number)
      findings.push({ path, line: 1, message: `begins with # ${number} TITLE` })
    const start = `| [${number}](${posix.basename(path)}) | ${title} | `
    const isRow = (row: string): boolean =>
      row.startsWith(start) && /\| \d{4}-\d\d-\d\d \|$/.test(row)
    if (!rows.some(isRow)) findings.push({ path, line: 1, message: `has no row in ${index}` })
  }
  return findings
}
