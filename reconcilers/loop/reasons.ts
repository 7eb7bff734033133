import { CoveyError } from '../../protocol/fault.ts'
import { systemFault } from '../../protocol/system-reason.ts'
import { StepError } from '../reconciler.ts'

/** Reasons why keys of a step failed, without the keys of a batch that succeeded. */
export function failuresOf(
  error: unknown,
  keys: readonly string[],
): readonly { readonly key: string; readonly reason: string }[] {
  if (error instanceof StepError) {
    return error.failed.map(({ object, reason }) => ({ key: object, reason }))
  }
  return keys.map((key) => ({ key, reason: reasonOf(error) }))
}

/** One line for people: what a tool or a step said, and what to do where that is known. */
export function reasonOf(error: unknown): string {
  if (error instanceof CoveyError && error.hint !== undefined) {
    return `${error.message} (${error.hint})`
  }
  return systemFault(error)?.message ?? (error instanceof Error ? error.message : String(error))
}
