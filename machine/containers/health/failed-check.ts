import type { CheckResult } from '../../../reconcilers/runc/health.ts'
import { printable } from '../../../reconcilers/tools/runc.ts'

/** Failed result of a check that got no answer, in words for people. */
export function failedCheck(
  what: string,
  error: Error,
  bounded: AbortSignal,
  timeoutMs: number,
): CheckResult {
  if (bounded.aborted) return { ok: false, reason: `${what} did not answer in ${timeoutMs} ms` }
  const code = 'code' in error ? String(error.code) : error.message
  const known = code === 'ECONNREFUSED' ? 'refuses connections' : `fails (${printable(code)})`
  return { ok: false, reason: `${what} ${known}` }
}
