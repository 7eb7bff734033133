import { CommanderError } from 'commander'
import { CoveyError } from '../../protocol/fault.ts'
import { escapedJson, oneLine, printable } from '../../protocol/printable.ts'
import { systemFault } from '../../protocol/system-reason.ts'

/** Exit codes of docs/API.md for the errors of this program; 1 for the rest. */
const exitCodes: Readonly<Record<string, number>> = {
  usage: 2,
  settings: 2,
  'not-root-owned': 2,
  'invalid-input': 2,
  refused: 4,
  'other-host': 4,
}

/**
 * Prints the result of a command: one line of JSON, else lines for people. Both are made harmless
 * for a terminal: what is in them comes from files of others.
 */
export function print(json: boolean | undefined, value: object, text: string): void {
  process.stdout.write(`${json ? escapedJson(JSON.stringify(value)) : printableLines(text)}\n`)
}

/** Prints an error as `covey: <what>: <why>` and a hint, and returns the exit code. */
export function printError(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  const { code, message, hint } = tellable(error, argv[0])
  if (argv.includes('--json')) print(true, { error: { code, message, hint: hint ?? null } }, '')
  const what = argv[0] === undefined ? '' : `${oneLine(argv[0])}: `
  process.stderr.write(`covey: ${what}${printableLines(message)}\n`)
  if (hint !== undefined) process.stderr.write(`hint: ${oneLine(hint)}\n`)
  if (argv.includes('--debug') && error instanceof Error) {
    process.stderr.write(`${printableLines(error.stack ?? '')}\n`)
  }
  return exitCodes[code] ?? 1
}

/**
 * Runs what reads and writes below `folder`: an error of the system that names no path, as that of
 * a write, names the folder then.
 */
export async function belowFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const fault = error instanceof Error && !('path' in error) ? systemFault(error, folder) : null
    if (fault === null) throw error
    throw new CoveyError('system', fault.message, { hint: fault.hint, cause: error })
  }
}

interface Tellable {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
}

function tellable(error: unknown, command = ''): Tellable {
  if (error instanceof CommanderError) {
    const [first = ''] = error.message.replace(/^error: /, '').split('\n')
    return { code: 'usage', message: first, hint: `covey ${command} --help` }
  }
  if (error instanceof CoveyError) {
    return { code: error.code, message: error.message, hint: error.hint }
  }
  const fault = systemFault(error)
  if (fault !== null) return { code: 'system', ...fault }
  const message = error instanceof Error ? error.message : String(error)
  const hint = 'this should not happen: run it again with --debug and report what it prints'
  return { code: 'unexpected', message, hint }
}

/** Each line for itself: settings have several faults. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
