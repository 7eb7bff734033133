import { composeTextBytesMax } from '../../limits.ts'
import type { Variable } from './scope.ts'

/** Variables in variables are looked into so deep. */
const nestingMax = 32

/** A text after substitution, and what happened on the way. */
export interface Substituted {
  readonly text: string
  readonly used: readonly Variable[]
  /** Names that are not set and have no default: they became nothing. */
  readonly unset: readonly string[]
  /** The faults of the text, in whole sentences. */
  readonly faults: readonly string[]
}

interface State {
  readonly used: Variable[]
  readonly unset: string[]
  readonly faults: string[]
  readonly find: (name: string) => Variable | undefined
}

const name = /[A-Za-z_][A-Za-z0-9_]*/y
const operator = /:?[-?+]/y

/**
 * Puts variables in as Compose does: `$X`, `${X}`, `${X:-d}`, `${X-d}`, `${X:?e}`, `${X?e}`,
 * `${X:+r}`, `${X+r}`, nested, and `$$` for `$`. Other uses of `$`, as `$1` and `$(`, stay as they
 * are.
 */
export function substitute(
  text: string,
  find: (name: string) => Variable | undefined,
): Substituted {
  const state: State = { used: [], unset: [], faults: [], find }
  if (!text.includes('$')) return { text, ...state }
  const result = replaceAll(text, state, 0)
  return { text: result, used: state.used, unset: state.unset, faults: state.faults }
}

function replaceAll(text: string, state: State, depth: number): string {
  const parts: string[] = []
  let length = 0
  let from = 0
  for (let at = text.indexOf('$'); at !== -1; at = text.indexOf('$', from)) {
    const found = oneAt(text, at, state, depth)
    parts.push(text.slice(from, at), found.text)
    length += at - from + found.text.length
    from = found.end
    if (length > composeTextBytesMax) return tooLong(state)
  }
  parts.push(text.slice(from))
  return parts.join('')
}

function tooLong(state: State): string {
  const most = `${composeTextBytesMax / 1024} KiB`
  state.faults.push(`its variables make it longer than a value may be (${most})`)
  return ''
}

interface Found {
  readonly text: string
  /** Where the text goes on. */
  readonly end: number
}

function oneAt(text: string, at: number, state: State, depth: number): Found {
  const next = text[at + 1]
  if (next === '$') return { text: '$', end: at + 2 }
  if (next === '{') return bracedAt(text, at, state, depth)
  const plain = matchAt(name, text, at + 1)
  if (plain === undefined) return { text: '$', end: at + 1 }
  return { text: plainValue(plain, state), end: at + 1 + plain.length }
}

function bracedAt(text: string, at: number, state: State, depth: number): Found {
  const end = closingBrace(text, at)
  const variable = matchAt(name, text, at + 2)
  const rest = variable === undefined ? 0 : at + 2 + variable.length
  const sign = matchAt(operator, text, rest)
  if (end === undefined || variable === undefined || (sign === undefined && rest !== end)) {
    // The text itself is not shown: in an env file it may be a secret.
    state.faults.push(
      'after $ and { stand a name, perhaps a default (:-), and }; write $$ for a plain $',
    )
    return { text: '', end: end === undefined ? text.length : end + 1 }
  }
  if (sign === undefined) return { text: plainValue(variable, state), end: end + 1 }
  if (depth >= nestingMax) {
    state.faults.push('its variables are nested too deeply')
    return { text: '', end: end + 1 }
  }
  const word = text.slice(rest + sign.length, end)
  return { text: choose(variable, sign, word, state, depth), end: end + 1 }
}

function choose(variable: string, sign: string, word: string, state: State, depth: number): string {
  const found = state.find(variable)
  const isThere = found !== undefined && !(sign.startsWith(':') && found.value === '')
  if (sign.endsWith('+')) return isThere ? replaceAll(word, state, depth + 1) : ''
  if (isThere) {
    state.used.push(found)
    return found.value
  }
  if (sign.endsWith('-')) return replaceAll(word, state, depth + 1)
  const reason = replaceAll(word, state, depth + 1)
  const lack = found === undefined ? 'is not set' : 'is empty'
  state.faults.push(`the variable ${variable} ${lack}${reason === '' ? '' : `: ${reason}`}`)
  return ''
}

function plainValue(variable: string, state: State): string {
  const found = state.find(variable)
  if (found === undefined) state.unset.push(variable)
  else state.used.push(found)
  return found?.value ?? ''
}

/** The brace that closes the one at `at + 1`; where braces do not pair, the last one. */
function closingBrace(text: string, at: number): number | undefined {
  let open = 0
  for (let index = at + 1; index < text.length; index += 1) {
    if (text[index] === '{') open += 1
    if (text[index] === '}') open -= 1
    if (open === 0) return index
  }
  const last = text.lastIndexOf('}')
  return last > at ? last : undefined
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}
