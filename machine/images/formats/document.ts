import '../../../protocol/schema-words.ts'
import type * as z from 'zod'
import {
  depthOf,
  inspect,
  isObject,
  type Json,
} from '../../../protocol/documents/canonical-json.ts'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { documentDepthMax, imageDocumentBytesMax } from '../../../reconcilers/images/limits.ts'

/** A JSON object from a registry. */
export type JsonObject = { readonly [member: string]: Json }

/**
 * Reads bytes of a registry as one JSON object. What two parsers could read differently is refused:
 * duplicate members, and bytes that are not UTF-8 (RFC 8259 sections 4 and 8.1).
 *
 * Fault: `code`, whose message starts with `what`.
 */
export function readObject(bytes: Uint8Array, code: string, what: string): Checked<JsonObject> {
  if (bytes.length > imageDocumentBytesMax) {
    return bad(code, `${what} is larger than ${imageDocumentBytesMax} bytes`)
  }
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    return bad(code, `${what} is not JSON`)
  }
  if (!isObject(value)) return bad(code, `${what} is not a JSON object`)
  if (depthOf(text) > documentDepthMax) {
    return bad(code, `${what} is nested deeper than ${documentDepthMax} levels`)
  }
  const finding = inspect(text)
  if (finding !== undefined && finding.code !== 'unsafe-integer') {
    return bad(code, `${what} is ambiguous: ${finding.path.slice(0, 100)}: ${finding.message}`)
  }
  return good(value)
}

/** The first of zod's issues as one fault: `what` has `path`: why. */
export function firstIssue(
  error: z.ZodError,
  code: string,
  what: string,
): { readonly ok: false; readonly fault: { readonly code: string; readonly message: string } } {
  const issue = error.issues[0]
  const path = issue?.path.map(String).join('.').slice(0, 200) ?? ''
  const at = path === '' ? '' : ` at ${path}`
  return bad(code, `${what} is not valid${at}: ${issue?.message ?? 'its shape is unknown'}`)
}
