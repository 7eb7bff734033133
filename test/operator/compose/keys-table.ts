import { composeKeys, type KeyRule } from '../../../operator/compose/keys.ts'

const sections = [
  ['', 'Top level'],
  ['services.*', 'Services'],
  ['networks.*', 'Networks'],
  ['volumes.*', 'Volumes'],
  ['configs.*', 'Configs'],
  ['secrets.*', 'Secrets'],
] as const

/** The table of keys for docs/COMPOSE.md, made of the code; printed where this file is run. */
export function keysTable(): string {
  return sections.map(([path, title]) => section(path, title)).join('\n')
}

function section(path: string, title: string): string {
  const prefix = path === '' ? '' : `${path}.`
  const rows = [...composeKeys]
    .filter(([key]) => sectionOf(key) === path)
    .map(([key, rule]) => [key.slice(prefix.length), rule] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, rule]) => `| \`${key}\` | ${outcome(rule)} |`)
  return [`### ${title}`, '', '| key | |', '| --- | --- |', ...rows, ''].join('\n')
}

function sectionOf(key: string): string {
  const found = sections.find(([path]) => path !== '' && key.startsWith(`${path}.`))
  return found?.[0] ?? ''
}

function outcome(rule: KeyRule): string {
  if (rule.kind === 'supported') return 'supported'
  return rule.kind === 'no-effect'
    ? `without effect: ${rule.reason}`
    : `refused: ${rule.instead.replaceAll('|', '\\|')}`
}

if (import.meta.main) process.stdout.write(`${keysTable()}\n`)
