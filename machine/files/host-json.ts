import '../../protocol/schema-words.ts'
import type * as z from 'zod'
import { positionIn, readWrittenJson } from '../../protocol/documents/written-json.ts'
import { byteOrderMarkLength, encodingFault } from '../../protocol/documents/written-text.ts'
import { CoveyError, type Fault, faultText } from '../../protocol/fault.ts'
import { systemCode, systemReason } from '../../protocol/system-reason.ts'
import { hostJsonBytesMax } from '../limits.ts'
import { readRootOwned } from './root-owned.ts'

/** Words for the errors of a file. */
export interface HostJsonWords {
  /** Code of the error. */
  readonly code: string
  /** Hint for a fault in it. */
  readonly hint: string
}

/** A document that was read, and where in its file a member stands. */
export interface HostJson<T> {
  readonly value: T
  /** The error for faults that were found later, by their paths. */
  error(faults: readonly Fault[]): CoveyError
}

/**
 * Reads a file of JSON that root has written for the agent of this host; null if it is not there.
 * Rejects with the code of `words` and every fault as `FILE:LINE:COLUMN: path: why`, one a line;
 * with `not-root-owned` if others than root could have written it.
 */
export async function readHostJson<T>(
  file: string,
  schema: z.ZodType<T>,
  words: HostJsonWords,
): Promise<HostJson<T> | null> {
  let bytes: Uint8Array
  try {
    bytes = await readRootOwned(file, hostJsonBytesMax)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    if (error instanceof CoveyError && error.code === 'not-root-owned') throw error
    const isKnown = error instanceof CoveyError
    const message = isKnown ? error.message : `${file} cannot be read: ${systemReason(error)}`
    throw new CoveyError(words.code, message, { hint: words.hint, cause: error })
  }
  const text = decodedText(file, bytes, words)
  const value = expectWrittenJson(file, text, words)
  const error = (faults: readonly Fault[]): CoveyError => placedError(file, text, faults, words)
  const parsed = schema.safeParse(value, { reportInput: true })
  if (!parsed.success) throw error(parsed.error.issues.flatMap(issueFaults))
  return { value: parsed.data, error }
}

/** The text of a file that people hand over. Throws the code of `words` if it is not in UTF-8. */
export function decodedText(
  file: string,
  bytes: Uint8Array,
  { code, hint }: HostJsonWords,
): string {
  const fault = encodingFault(bytes)
  if (fault !== null) {
    const before = Buffer.from(bytes.subarray(0, fault.offset)).toString('utf8')
    const { line, column } = positionIn(before, before.length)
    throw new CoveyError(code, `${file}:${line}:${column}: ${fault.message}`, { hint })
  }
  return Buffer.from(bytes.subarray(byteOrderMarkLength(bytes))).toString('utf8')
}

/** Reads JSON strictly. Throws the code of `words` with each fault and its place, one a line. */
export function expectWrittenJson(file: string, text: string, words: HostJsonWords): unknown {
  const quick = readWrittenJson(text)
  if (quick.faults.length === 0) return quick.value
  const lines = readWrittenJson(text, true).faults.map(({ offset, fault }) => {
    const { line, column } = positionIn(text, offset)
    return `${file}:${line}:${column}: ${faultText(fault)}`
  })
  throw new CoveyError(words.code, lines.join('\n'), { hint: words.hint })
}

function placedError(
  file: string,
  text: string,
  faults: readonly Fault[],
  { code, hint }: HostJsonWords,
): CoveyError {
  const { places } = readWrittenJson(text, true)
  const lines = faults.map((fault) => {
    let path = fault.path ?? ''
    while (path !== '' && !places.has(path))
      path = path.slice(0, Math.max(0, path.lastIndexOf('.')))
    const { line, column } = positionIn(text, places.get(path) ?? 0)
    return `${file}:${line}:${column}: ${faultText(fault)}`
  })
  return new CoveyError(code, lines.join('\n'), { hint })
}

/** Examples of kinds of values, for people who write JSON by hand. */
const examples: Readonly<Record<string, string>> = {
  object: ', as {}',
  record: ', as {}',
  string: ' in double quotes',
}

/** Faults that a schema finds, in the words of protocol/schema-words.ts. */
function issueFaults(issue: z.core.$ZodIssue): readonly Fault[] {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      code: 'field-unknown',
      message: 'unknown setting, remove it or correct its name',
      path: path === '' ? key : `${path}.${key}`,
    }))
  }
  const isOtherType = issue.code === 'invalid_type' && issue.input !== undefined
  const message = `${issue.message}${isOtherType ? (examples[issue.expected] ?? '') : ''}`
  return [
    path === '' ? { code: 'field-invalid', message } : { code: 'field-invalid', message, path },
  ]
}
