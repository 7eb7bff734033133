import { createHash } from 'node:crypto'

/** Longest name of an object (protocol/names.ts), and how much of a longer one stays readable. */
const nameCharactersMax = 40
const keptCharacters = 31
const digestCharacters = 8

/** The purpose of an object, as the end of its name. */
export type NameEnd =
  | ''
  /** Volume, secret, registry, policy, variables, words, config file with a secret in it. */
  | '_v'
  | '_s'
  | '_r'
  | '_p'
  | '_e'
  | '_w'
  | '_c'
  /** The folder of a stack. */
  | '_dir_v'
  /** Published port, with `t` for TCP and `u` for UDP; second and later replica. */
  | `_${number}t`
  | `_${number}u`
  | `_${number}`
  | `_${number}_p`

/**
 * The name of an object for a part of a stack: `shop-web`, `shop-pgdata_v`; without the stack's
 * name where it has none. Too long a name is cut, and told apart by a digest of the whole.
 */
export function objectName(stack: string, part: string, end: NameEnd = ''): string {
  const whole = plainName(stack === '' ? part : `${stack}-${part}`) + end
  if (whole.length <= nameCharactersMax) return whole
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, digestCharacters)
  return `${whole.slice(0, keptCharacters)}-${digest}`
}

/** Lower case, `-` for what no name holds, a letter first and a letter or digit last. */
function plainName(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9]/g, '-')
  const led = /^[a-z]/.test(plain) ? plain : `s${plain}`
  return led.endsWith('-') ? `${led}s` : led
}
