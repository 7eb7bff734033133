import { CoveyError, type Fault } from '../../protocol/fault.ts'

export { systemCode, systemReason } from '../../protocol/system-reason.ts'

/**
 * 1 it failed, 2 wrong usage or input, 3 there are differences, 4 refused, 5 no agent answers; 126
 * and 127 are a shell's for a command that cannot be run, or is not there.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 126 | 127

/** A fault with its place in a file; lines and columns count from 1. */
export interface LocatedFault extends Fault {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Optional parts of a failure. */
export interface FailureOptions {
  readonly hint?: string
  readonly cause?: unknown
  /** All faults of the files that were read; they are printed instead of the message. */
  readonly faults?: readonly LocatedFault[]
  /** The document that `--json` prints instead of `{"error": …}`. */
  readonly document?: unknown
}

/** An error that ends a command with its exit code. */
export class Failure extends CoveyError {
  readonly exit: ExitCode
  readonly faults: readonly LocatedFault[]
  readonly document: unknown

  constructor(exit: ExitCode, code: string, message: string, options: FailureOptions = {}) {
    super(code, message, {
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    })
    this.name = 'Failure'
    this.exit = exit
    this.faults = options.faults ?? []
    this.document = options.document
  }
}

/** Ends a command quietly with the exit code of a program that it ran, 0 to 255. */
export class ExitWith extends Error {
  readonly exit: number

  constructor(exit: number) {
    super(`exit code ${exit}`)
    this.name = 'ExitWith'
    this.exit = exit
  }
}

/** A failure whose reason is the faults of a file. */
export function faultsFailure(faults: readonly LocatedFault[], hint?: string): Failure {
  const files = [...new Set(faults.map((fault) => fault.file))].join(', ')
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
  const options = hint === undefined ? { faults } : { faults, hint }
  return new Failure(2, faults[0]?.code ?? 'faults', `${count} in ${files}`, options)
}

/** `FILE:LINE:COL: path: why`. */
export function locatedText(fault: LocatedFault): string {
  const path = fault.path === undefined || fault.path === '' ? '' : `${fault.path}: `
  return `${fault.file}:${fault.line}:${fault.column}: ${path}${fault.message}`
}
