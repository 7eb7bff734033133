import { isIP } from 'node:net'
import { requestByTls, request as requestPlainly } from '../../../platform/http.ts'
import type { HttpCheck } from '../../../reconcilers/http-check.ts'
import type { CheckResult } from '../../../reconcilers/runc/health.ts'
import { failedCheck } from './failed-check.ts'

/**
 * Asks for a page. Any answer below 400 is good; a redirect is an answer and is not followed. By
 * TLS any certificate will do: the question is whether the container is well, and it goes to its
 * own address, by no other way than its host.
 */
export function askHttp(
  address: string,
  check: HttpCheck,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { port, path, host, headers = {}, https = false } = check
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const what = `GET ${https ? 'https ' : ''}:${port}${path}`
  const told = host === undefined ? headers : { ...headers, host }
  const common = { host: address, port, path, headers: told, signal: bounded, agent: false }
  return new Promise((resolve) => {
    const ask = https ? requestByTls : requestPlainly
    const options = https ? { ...common, ...tlsOptions(told) } : common
    const asked = ask(options, (response) => {
      const status = response.statusCode ?? 0
      response.destroy()
      resolve(status < 400 ? { ok: true } : { ok: false, reason: `${what} answered ${status}` })
    })
    asked.once('error', (error) => resolve(failedCheck(what, error, bounded, timeoutMs)))
    asked.end()
  })
}

/** The name for TLS is that of the `Host` header; an address is not a name (RFC 6066). */
function tlsOptions(headers: Readonly<Record<string, string>>): object {
  const [, told = ''] = Object.entries(headers).find(([name]) => /^host$/i.test(name)) ?? []
  const name = told.replace(/:\d+$/, '')
  const isName = name !== '' && !name.startsWith('[') && isIP(name) === 0
  return { rejectUnauthorized: false, servername: isName ? name : '' }
}
