import { spawn } from 'node:child_process'
import { get } from 'node:http'
import { createConnection } from 'node:net'
import type { CheckResult } from '../../../reconcilers/runc/health.ts'
import type { HealthObject } from '../../../reconcilers/runc/spec.ts'
import { printable } from '../../../reconcilers/tools/runc.ts'
import { toolEnvironment } from '../../machine/tools.ts'
import { checkOutputBytesMax, checkReasonCharactersMax } from '../limits.ts'
import { knownPath } from '../spawn.ts'

/** What a check is made on. */
export interface CheckTarget {
  readonly id: string
  readonly runcRoot: string
  readonly address: string
}

/**
 * Makes one check; never rejects. It takes at most `timeout_seconds`, or until `signal` fires. A
 * check without any kind of question passes.
 */
export async function makeCheck(
  target: CheckTarget,
  check: HealthObject,
  signal: AbortSignal,
): Promise<CheckResult> {
  const timeoutMs = check.timeout_seconds * 1000
  if (check.command !== undefined) return askCommand(target, check.command, timeoutMs, signal)
  if (check.http !== undefined) return askHttp(target.address, check.http, timeoutMs, signal)
  if (check.tcp !== undefined) return askTcp(target.address, check.tcp.port, timeoutMs, signal)
  return { ok: true }
}

/** Any answer below 400 is good. A redirect is an answer and is not followed. */
function askHttp(
  address: string,
  { port, path }: { readonly port: number; readonly path: string },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const options = { host: address, port, path, signal: bounded, agent: false } as const
    const what = `GET :${port}${path}`
    const asked = get(options, (response) => {
      const status = response.statusCode ?? 0
      response.destroy()
      resolve(status < 400 ? { ok: true } : { ok: false, reason: `${what} answered ${status}` })
    })
    asked.once('error', (error) => resolve(failed(what, error, bounded, timeoutMs)))
  })
}

function askTcp(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const socket = createConnection({ host, port, signal: bounded })
    socket.once('connect', () => {
      socket.destroy()
      resolve({ ok: true })
    })
    socket.once('error', (error) => resolve(failed(`port ${port}`, error, bounded, timeoutMs)))
  })
}

function failed(what: string, error: Error, bounded: AbortSignal, timeoutMs: number): CheckResult {
  if (bounded.aborted) return { ok: false, reason: `${what} did not answer in ${timeoutMs} ms` }
  const code = 'code' in error ? String(error.code) : error.message
  const known = code === 'ECONNREFUSED' ? 'refuses connections' : `fails (${printable(code)})`
  return { ok: false, reason: `${what} ${known}` }
}

/** Runs a command in the container; exit code 0 is good. */
function askCommand(
  { id, runcRoot }: CheckTarget,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const args = ['--root', runcRoot, 'exec', id, ...command]
    const child = spawn(knownPath('runc'), args, {
      cwd: '/',
      env: toolEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      signal,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (said.length < checkOutputBytesMax) said += text
      })
    }
    const [name] = command
    child.once('error', () => resolve({ ok: false, reason: `${name} cannot be run` }))
    // What the command itself has started may hold the pipes; its end is what counts.
    child.once('exit', (exitCode) => {
      for (const stream of [child.stdout, child.stderr]) stream.destroy()
      if (exitCode === 0) return resolve({ ok: true })
      if (exitCode === null) {
        return resolve({ ok: false, reason: `${name} did not end in ${timeoutMs} ms` })
      }
      const last = said.trim().split('\n').at(-1) ?? ''
      const rest = last === '' ? '' : `: ${printable(last, checkReasonCharactersMax)}`
      resolve({ ok: false, reason: `${name} ended with exit code ${exitCode}${rest}` })
    })
  })
}
