import '../../protocol/schema-words.ts'
import type * as z from 'zod'
import type { Fault } from '../../protocol/fault.ts'

/** Parses an object by its type's schema. All faults, each with the path of its field. */
export function checkSchema<T>(
  schema: z.ZodType<T>,
  path: string,
  object: unknown,
): SchemaResult<T> {
  // Without reportInput zod leaves `input` out, and a wrong type would look like a missing field.
  const parsed = schema.safeParse(object, { reportInput: true })
  if (parsed.success) return { value: parsed.data, faults: [] }
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, path))
  return { value: undefined, faults }
}

/** A parsed object, or the faults that kept it from being one. */
export type SchemaResult<T> =
  | { readonly value: T; readonly faults: readonly [] }
  | { readonly value: undefined; readonly faults: readonly Fault[] }

function faultsOf(issue: z.core.$ZodIssue, path: string): readonly Fault[] {
  const at = [path, ...issue.path.map(String)].join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      code: 'field-unknown',
      message: 'no such field',
      path: `${at}.${key}`,
    }))
  }
  if (issue.code === 'invalid_union') {
    // Of several forms the one is judged that the value has at all.
    const meant = issue.errors.find((each) => !each.some(isOtherType))
    if (meant !== undefined) return meant.flatMap((inner) => faultsOf(inner, at))
    const forms = issue.errors.flatMap(([first]) =>
      first && 'expected' in first ? first.expected : [],
    )
    return [{ code: 'field-invalid', message: `must be of type ${forms.join(' or ')}`, path: at }]
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined
  const code = missing ? 'field-missing' : 'field-invalid'
  return [{ code, message: missing ? 'is required' : issue.message, path: at }]
}

function isOtherType({ code, path }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type' && path.length === 0
}
