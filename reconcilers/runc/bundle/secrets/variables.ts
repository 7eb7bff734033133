import { isObject } from '../../../../protocol/documents/canonical-json.ts'
import { readWrittenJson } from '../../../../protocol/documents/written-json.ts'
import { bad, type Checked, good } from '../../../../protocol/fault.ts'
import { argumentBytesMax, variablesMax } from '../limits.ts'

/** Variables that a shell sets itself. It imports only variables whose names it could use. */
const shellsOwn: ReadonlySet<string> = new Set([
  ...['PWD', 'OLDPWD', 'SHLVL', 'IFS', 'OPTIND', 'PS1', 'PS2', 'PS4'],
  ...['LINENO', 'RANDOM', '_'],
])

/** True if a shell passes a variable of this name on as it is. */
export function isPassedOn(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellsOwn.has(name)
}

/** A text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * Lines by which a shell sets the variables that a secret holds: a JSON object of texts by their
 * names. What a shell cannot pass on is added to `covey_words`, as words for env(1).
 *
 * Fault, which tells names of variables and nothing that is in them: `secret-content`.
 */
export function variableLines(content: Uint8Array): Checked<string> {
  const text = textOf(content)
  if (text === undefined) return wrong('must be a JSON object in UTF-8')
  const { value, faults } = readWrittenJson(text)
  const isRepeated = faults.some(({ fault }) => fault.code === 'duplicate-member')
  if (isRepeated) return wrong('has a variable twice')
  if (!isObject(value)) return wrong('must be a JSON object of variables, as {"NAME": "text"}')
  const entries = Object.entries(value)
  if (entries.length > variablesMax) {
    return wrong(`has ${entries.length} variables, and at most ${variablesMax} are allowed`)
  }
  const lines: string[] = []
  for (const [name, inner] of entries) {
    const fault = variableFault(name, inner)
    if (fault !== undefined) return wrong(`${JSON.stringify(name.slice(0, 40))} ${fault}`)
    lines.push(lineOf(name, String(inner)))
  }
  return good(lines.map((line) => `${line}\n`).join(''))
}

function wrong(message: string): Checked<never> {
  return bad('secret-content', message)
}

function textOf(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return undefined
  }
}

function variableFault(name: string, value: unknown): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return 'is no name of a variable'
  if (typeof value !== 'string') return 'must be a text'
  if (value.includes('\0')) return 'holds a NUL character, which no variable can'
  const bytes = Buffer.byteLength(`${name}=${value}`)
  if (bytes <= argumentBytesMax) return undefined
  return `is longer than the ${argumentBytesMax} bytes that the kernel takes`
}

function lineOf(name: string, value: string): string {
  if (isPassedOn(name) && !name.startsWith('covey_')) return `export ${name}=${quoted(value)}`
  // Twice: once for the shell that reads this line, once for the one that runs env.
  const word = quoted(quoted(`${name}=${value}`))
  return `covey_words="$covey_words "${word}`
}
