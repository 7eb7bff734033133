import { CoveyError } from '../../protocol/fault.ts'

/**
 * Text that is safe as one word of a command or of a line: no space, no quote, no comment, no
 * second line, and no option. Values are checked long before; this is the second lock on the same
 * door. Throws `unsafe-argument`.
 */
export function word(text: string): string {
  if (/^[A-Za-z0-9:[._][A-Za-z0-9:/._\-+=[\]]*$/.test(text)) return text
  throw new CoveyError('unsafe-argument', `not safe as an argument: ${JSON.stringify(text)}`)
}

export { errorLine } from './said.ts'
