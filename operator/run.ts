import { type Command, CommanderError } from 'commander'
import { CoveyError } from '../protocol/fault.ts'
import { oneLine, printable } from '../protocol/printable.ts'
import { systemFault } from '../protocol/system-reason.ts'
import { faultsShownMax } from './limits.ts'
import { buildProgram, commandBelow } from './program.ts'
import { safeIo } from './terminal/controls.ts'
import {
  ExitWith,
  Failure,
  type LocatedFault,
  locatedText,
  systemReason,
} from './terminal/failure.ts'
import type { Io } from './terminal/io.ts'
import { jsonText } from './terminal/session.ts'

/**
 * Runs one command line (without the program's own name) and returns its exit code. Never throws.
 */
export async function run(argv: readonly string[], process: Io): Promise<number> {
  const io = safeIo(process)
  const program = buildProgram(io)
  try {
    await program.parseAsync([...soundWords(program, argv)], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    if (error instanceof ExitWith) return error.exit
    return report(error, commandIn(program, argv), argv, io)
  }
}

/**
 * A command line, without a call for help where a word of it names no command: commander would show
 * the help of what it knows, as if all were well.
 */
function soundWords(program: Command, argv: readonly string[]): readonly string[] {
  let command = program
  for (const word of program.parseOptions([...argv]).operands) {
    if (command.commands.length === 0) break
    const below = commandBelow(command, word)
    if (below === undefined) return argv.filter((each) => each !== '--help' && each !== '-h')
    command = below
  }
  return argv
}

function report(error: unknown, command: Command, argv: readonly string[], io: Io): number {
  const failure = error instanceof CommanderError ? usageFailure(error, command) : failureOf(error)
  const before = argv.indexOf('--')
  const flags = before === -1 ? argv : argv.slice(0, before)
  if (flags.includes('--json')) io.out(jsonText(failure.document ?? errorDocument(failure)))
  if (failure.faults.length > 0) io.err(faultLines(failure.faults))
  else io.err(`covey: ${nameOf(command)}${oneLine(failure.message)}\n`)
  if (failure.hint !== undefined) io.err(`hint: ${oneLine(failure.hint)}\n`)
  if (flags.includes('--debug')) io.err(stackText(error))
  return failure.exit
}

function errorDocument(failure: Failure): unknown {
  const { code, message, hint, faults } = failure
  return { error: { code, message, hint: hint ?? null, faults } }
}

function faultLines(faults: readonly LocatedFault[]): string {
  const shown = faults.slice(0, faultsShownMax).map((fault) => `${printable(locatedText(fault))}\n`)
  const rest = faults.length - shown.length
  return shown.join('') + (rest > 0 ? `covey: and ${rest} faults more\n` : '')
}

/** Commander's messages read `error: unknown option '--jsn'\n(Did you mean --json?)`. */
function usageFailure(error: CommanderError, command: Command): Failure {
  const path = commandPath(command)
  const help = ['covey', ...path, '--help'].join(' ')
  if (error.code === 'commander.help') {
    return new Failure(2, 'usage', 'which command?', { hint: help })
  }
  const message = error.message.replace(/^error: /, '')
  if (command.name() === 'exec' && error.code === 'commander.unknownOption') {
    const hint = `options of the command come after --: covey exec NAME -- COMMAND …; see ${help}`
    return new Failure(2, 'usage', message.split('\n')[0] ?? '', { hint })
  }
  const [first = '', suggestion] = message.split('\n')
  const meant =
    suggestion === undefined
      ? ''
      : `${suggestion.replace(/^\(D|\)$/g, '').replace(/^id/, 'did')} See `
  return new Failure(2, 'usage', first, { hint: `${meant}${help}` })
}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof CoveyError) {
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return new Failure(1, error.code, error.message, { ...hint, cause: error })
  }
  const fault = systemFault(error)
  if (fault !== null) {
    return new Failure(1, 'system', fault.message, { hint: fault.hint, cause: error })
  }
  const hint = 'this should not happen: run it again with --debug and report what it prints'
  return new Failure(1, 'unexpected', systemReason(error), { hint, cause: error })
}

function stackText(error: unknown): string {
  const parts: string[] = []
  for (let at: unknown = error; at instanceof Error && parts.length < 8; at = at.cause) {
    const stack = at.stack ?? ''
    const frames = stack.slice(stack.indexOf(at.message) + at.message.length)
    parts.push(`${at.name}: ${oneLine(at.message)}${frames}\n`)
  }
  return parts.join('caused by ')
}

/**
 * The command that a line means, as far as it can be told from the words that are names of
 * commands.
 */
function commandIn(program: Command, argv: readonly string[]): Command {
  let command = program
  for (const word of argv) {
    if (word === '--') break
    command = commandBelow(command, word) ?? command
  }
  return command
}

function commandPath(command: Command): readonly string[] {
  const { parent } = command
  return parent === null ? [] : [...commandPath(parent), command.name()]
}

function nameOf(command: Command): string {
  const path = commandPath(command).join(' ')
  return path === '' ? '' : `${path}: `
}
