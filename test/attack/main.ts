import { parseArgs } from 'node:util'
import type { Attack } from './attack.ts'
import { attacks } from './attacks.ts'

/**
 * `npm run attack -- [NAME …] [--list] [--json]`: carries attacks out, one after another. Exit code
 * 1 if one succeeded or could not be carried out, 2 on wrong usage.
 */
function usage(message: string): never {
  process.stderr.write(`attack: ${message}\n`)
  process.exit(2)
}

function readArguments(): { names: readonly string[]; list: boolean; json: boolean } {
  try {
    const options = {
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    return { names: positionals, list: values.list, json: values.json }
  } catch {
    return usage('usage: npm run attack -- [NAME …] [--list] [--json]')
  }
}

/** Carries one attack out and shows its end; true if the defence held. */
async function carryOut(attack: Attack, json: boolean): Promise<boolean> {
  const startedAt = performance.now()
  let held = false
  let word: string
  let seen: string
  try {
    const end = await attack.run()
    held = end.held
    word = end.held ? 'held' : 'SUCCEEDED'
    seen = end.seen
  } catch (error) {
    word = 'BROKEN'
    seen = error instanceof Error ? error.message : String(error)
  }
  const seconds = (performance.now() - startedAt) / 1000
  if (json) {
    const row = { name: attack.name, end: word.toLowerCase(), seen, seconds }
    process.stdout.write(`${JSON.stringify(row)}\n`)
  } else {
    process.stdout.write(`${word.padEnd(11)}${attack.name.padEnd(24)}${seconds.toFixed(0)} s\n`)
    process.stdout.write(`           ${seen}\n`)
  }
  return held
}

const { names, list, json } = readArguments()
const unknown = names.find((name) => !attacks.some((attack) => attack.name === name))
if (unknown !== undefined) usage(`there is no attack ${unknown}; --list names them`)
const chosen = attacks.filter(({ name }) => names.length === 0 || names.includes(name))

if (list) {
  for (const { name, from, wants } of chosen) {
    process.stdout.write(`${name.padEnd(24)}${from} wants ${wants}\n`)
  }
} else {
  let successes = 0
  for (const attack of chosen) if (!(await carryOut(attack, json))) successes += 1
  if (!json) {
    process.stdout.write(`${chosen.length} attacks, ${chosen.length - successes} held\n`)
  }
  process.exitCode = successes === 0 ? 0 : 1
}
