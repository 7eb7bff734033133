import { CoveyError } from '../../protocol/fault.ts'

const lengthMax = 300

/** The first line of what a package says, as long as a table can show it. */
export function firstLine(text: string): string {
  return text.split(/[\r\n]/, 1)[0]?.slice(0, lengthMax) ?? ''
}

/** One line on why a package's code failed, whatever it threw. */
export function thrownText(error: unknown): string {
  const { message } = Object(error)
  if (error instanceof Error && typeof message === 'string') return firstLine(message)
  try {
    return firstLine(`it threw ${String(error)}`)
  } catch {
    // An object without a prototype has no text.
    return 'it threw no error'
  }
}

/** Turns anything that a package's code threw into an error for a status; a hint is kept. */
export function thrownError(error: unknown): CoveyError {
  const { code, hint } =
    error instanceof CoveyError ? error : { code: 'plugin-threw', hint: undefined }
  const options = hint === undefined ? { cause: error } : { hint, cause: error }
  return new CoveyError(code, thrownText(error), options)
}
