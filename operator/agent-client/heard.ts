import { oneLine } from '../../protocol/printable.ts'
import type { Session } from '../terminal/session.ts'

/**
 * The JSON that an agent said. For people every string in it is one printable line, so that no
 * command can print a line that the agent made up; scripts (`--json`) get it as it came. Throws
 * `SyntaxError` where it is no JSON, `RangeError` where it is too deep to be looked through.
 */
export function heard(session: Session, text: string): unknown {
  if (session.settings.json) return JSON.parse(text)
  return JSON.parse(text, (_name, value) => (typeof value === 'string' ? oneLine(value) : value))
}
