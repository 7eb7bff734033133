import {
  challengeCharactersMax,
  challengeParametersMax,
  challengesMax,
} from '../../../reconcilers/images/limits.ts'

/** One way to authenticate that a server names (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** By name in lower case. Empty where the challenge holds a token68 or nothing. */
  readonly parameters: ReadonlyMap<string, string>
}

const tokenPattern = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const token68Pattern = /[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y
const quotedPattern = /"((?:[^"\\]|\\.)*)"/y
const spacePattern = /[ \t]*/y
const separatorPattern = /[ \t]*(?:,[ \t]*)*/y

/** Reads a text from the left; every method answers undefined where its pattern does not follow. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at >= this.#text.length
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match
  }

  /** Runs `read`, and goes back to where it began if that failed. */
  attempt<T>(read: () => T | undefined): T | undefined {
    const start = this.#at
    const result = read()
    if (result === undefined) this.#at = start
    return result
  }
}

type Parameter = readonly [name: string, value: string]

/** `name = value` with the white space that RFC 9110 section 11.2 tells recipients to take. */
function readParameter(scanner: Scanner): Parameter | undefined {
  return scanner.attempt(() => {
    const name = scanner.take(tokenPattern)?.[0]
    if (name === undefined || scanner.take(/[ \t]*=[ \t]*/y) === undefined) return undefined
    const quoted = scanner.take(quotedPattern)?.[1]
    const value = quoted?.replace(/\\(.)/g, '$1') ?? scanner.take(tokenPattern)?.[0]
    if (value === undefined || scanner.take(/(?=[ \t]*(?:,|$))/y) === undefined) return undefined
    return [name.toLowerCase(), value] as const
  })
}

/** A challenge; undefined where the text is damaged, null if it has a duplicate parameter. */
function readChallenge(scanner: Scanner): Challenge | null | undefined {
  const scheme = scanner.take(tokenPattern)?.[0].toLowerCase()
  if (scheme === undefined) return undefined
  const parameters = new Map<string, string>()
  let twice = false
  if (scanner.take(/[ \t]+/y) === undefined || scanner.done) return { scheme, parameters }
  if (scanner.take(token68Pattern) !== undefined) return { scheme, parameters }
  for (let count = 0; count < challengeParametersMax; count++) {
    const parameter = scanner.attempt(() => {
      scanner.take(separatorPattern)
      return readParameter(scanner)
    })
    if (parameter === undefined) break
    twice ||= parameters.has(parameter[0])
    parameters.set(...parameter)
  }
  return twice ? null : { scheme, parameters }
}

/**
 * Parses the values of WWW-Authenticate, which may hold several challenges each. Reading stops
 * where a value is damaged; what came before counts. A challenge that gives a parameter twice is
 * left out, because two readers could take it for two things.
 */
export function parseChallenges(values: readonly string[]): readonly Challenge[] {
  const challenges: Challenge[] = []
  for (const value of values) {
    if (value.length > challengeCharactersMax) continue
    const scanner = new Scanner(value)
    scanner.take(separatorPattern)
    while (!scanner.done && challenges.length < challengesMax) {
      const challenge = readChallenge(scanner)
      if (challenge === undefined) break
      if (challenge !== null) challenges.push(challenge)
      scanner.take(spacePattern)
      const separator = scanner.take(separatorPattern)?.[0] ?? ''
      if (!scanner.done && !separator.includes(',')) break
    }
  }
  return challenges
}
