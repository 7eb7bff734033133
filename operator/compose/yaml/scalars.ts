import type { Leaf } from './tree.ts'

const floating = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const nothing = new Set(['', '~', 'null', 'Null', 'NULL'])
const truths: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['True', 'true'],
  ['TRUE', 'true'],
  ['false', 'false'],
  ['False', 'false'],
  ['FALSE', 'false'],
])

/**
 * The value of a plain scalar: as in YAML 1.2, and as Compose's implementation also numbers such as
 * `0644` (octal), `0x1F`, `0b1` and `1_000`. `yes`, `on`, `22:22` and dates are texts.
 */
export function plainScalar(source: string): Pick<Leaf, 'type' | 'text' | 'written'> {
  const written = source
  if (nothing.has(source)) return { type: 'null', text: '', written }
  const truth = truths.get(source)
  if (truth !== undefined) return { type: 'boolean', text: truth, written }
  const number = /^[-+.0-9]/.test(source) ? numberText(source) : undefined
  if (number !== undefined) return { type: 'number', text: number, written }
  return { type: 'text', text: source, written }
}

function numberText(source: string): string | undefined {
  const plain = source.replaceAll('_', '')
  const [, sign = '', digits = ''] = /^([-+]?)(\w+)$/.exec(plain) ?? []
  const whole = wholeNumber(digits)
  if (whole !== undefined) return `${sign === '-' && whole !== 0n ? '-' : ''}${whole}`
  return floating.test(plain) ? floatText(Number(plain)) : undefined
}

function wholeNumber(digits: string): bigint | undefined {
  if (/^(0|[1-9][0-9]*)$/.test(digits)) return digits.length > 19 ? undefined : BigInt(digits)
  if (/^0o?[0-7]+$/.test(digits)) return BigInt(`0o${digits.replace(/^0o?/, '')}`)
  return /^0(x[0-9a-fA-F]+|b[01]+)$/.test(digits) ? BigInt(digits) : undefined
}

/** A number with a fraction as Compose's implementation prints it: `1.10` is `1.1`. */
function floatText(value: number): string {
  const magnitude = Math.abs(value)
  if (value === 0 || (magnitude >= 1e-4 && magnitude < 1e21)) return String(value)
  // Two digits of the exponent at least.
  return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2')
}
