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
  const entries = entriesOf(content, 'variable')
  if (!entries.ok) return entries
  for (const [name, inner] of entries.value) {
    const fault = variableFault(name, inner)
    if (fault !== undefined) return wrongEntry(name, fault)
  }
  return linesFrom(entries.value.map(([name, inner]) => lineOf(name, String(inner))))
}

/** Name of a variable of the shell, not passed on, that holds a word of a command. */
export function wordVariable(place: string): string {
  return `covey_word_${place.replace('.', '_')}`
}

/**
 * Lines by which a shell sets the words of commands that a secret holds: a JSON object with a text
 * for each of `places`, and no other. They are in no environment.
 *
 * Fault, which tells places and nothing that is there: `secret-content`.
 */
export function wordLines(content: Uint8Array, places: readonly string[]): Checked<string> {
  const entries = entriesOf(content, 'word')
  if (!entries.ok) return entries
  const texts = new Map(entries.value)
  for (const place of places) {
    const fault = texts.has(place) ? textFault(texts.get(place), '') : 'is missing'
    if (fault !== undefined) return wrongEntry(place, fault)
  }
  const stranger = [...texts.keys()].find((name) => !places.includes(name))
  if (stranger !== undefined) return wrongEntry(stranger, 'is no word that the container asks for')
  return linesFrom(
    places.map((place) => {
      const name = wordVariable(place)
      // One of that name that the container has would be passed on.
      return `unset ${name}; ${name}=${quoted(String(texts.get(place)))}`
    }),
  )
}

function linesFrom(lines: readonly string[]): Checked<string> {
  return good(lines.map((line) => `${line}\n`).join(''))
}

function entriesOf(
  content: Uint8Array,
  what: 'variable' | 'word',
): Checked<readonly (readonly [string, unknown])[]> {
  const text = textOf(content)
  if (text === undefined) return wrong('must be a JSON object in UTF-8')
  const { value, faults } = readWrittenJson(text)
  const isRepeated = faults.some(({ fault }) => fault.code === 'duplicate-member')
  if (isRepeated) return wrong(`has a ${what} twice`)
  const example = what === 'word' ? 'args.1' : 'NAME'
  if (!isObject(value)) {
    return wrong(`must be a JSON object of ${what}s, as {"${example}": "text"}`)
  }
  const entries = Object.entries(value)
  if (entries.length <= variablesMax) return good(entries)
  return wrong(`has ${entries.length} ${what}s, and at most ${variablesMax} are allowed`)
}

function wrongEntry(name: string, fault: string): Checked<never> {
  return wrong(`${JSON.stringify(name.slice(0, 40))} ${fault}`)
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
  return textFault(value, `${name}=`)
}

function textFault(value: unknown, before: string): string | undefined {
  if (typeof value !== 'string') return 'must be a text'
  if (value.includes('\0'))
    return `holds a NUL character, which no ${before ? 'variable' : 'word'} can`
  const bytes = Buffer.byteLength(`${before}${value}`)
  if (bytes <= argumentBytesMax) return undefined
  return `is longer than the ${argumentBytesMax} bytes that the kernel takes`
}

function lineOf(name: string, value: string): string {
  if (isPassedOn(name) && !name.startsWith('covey_')) return `export ${name}=${quoted(value)}`
  // Twice: once for the shell that reads this line, once for the one that runs env.
  const word = quoted(quoted(`${name}=${value}`))
  return `covey_words="$covey_words "${word}`
}
