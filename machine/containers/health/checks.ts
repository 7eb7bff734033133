import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { Readable } from 'node:stream'
import type { HealthObject } from '../../../reconcilers/host-containers.ts'
import type { CheckSecrets } from '../../../reconcilers/host-secrets.ts'
import type { CheckResult } from '../../../reconcilers/runc/health.ts'
import { createReason, printable } from '../../../reconcilers/tools/runc.ts'
import { toolEnvironment } from '../../tools.ts'
import { endTree } from '../exec/process-tree.ts'
import { checkOutputBytesMax, checkReasonCharactersMax } from '../limits.ts'
import { startTicksOf } from '../processes.ts'
import { knownPath, withinNetwork } from '../spawn.ts'
import { askHttp } from './ask-http.ts'
import { failedCheck } from './failed-check.ts'

/** Target of a health check. */
export interface CheckTarget {
  readonly id: string
  readonly runcRoot: string
  /** Network namespace that the runtime has to be in; null where it enters that itself. */
  readonly network: string | null
  readonly address: string
  /** File that holds the process id of a command while it runs. */
  readonly pidFile: string
  /** Where the command needs secrets of the container. */
  readonly secrets?: CheckSecrets | undefined
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
    socket.once('error', (error) => resolve(failedCheck(`port ${port}`, error, bounded, timeoutMs)))
  })
}

/** Runs a command in the container; exit code 0 is good. */
async function askCommand(
  target: CheckTarget,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { id, runcRoot, network, pidFile, secrets } = target
  const words = [...(secrets?.before ?? []), ...command]
  const args = ['--root', runcRoot, 'exec', '--pid-file', pidFile, id, ...words]
  const [program = '', ...before] = withinNetwork(network, knownPath('runc'))
  const child = spawn(program, [...before, ...args], {
    cwd: '/',
    env: toolEnvironment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const end = (): void => void endCommand(child, pidFile)
  bounded.addEventListener('abort', end)
  const [name = ''] = command
  try {
    const { exitCode, said } = await outcomeOf(child)
    if (exitCode === 0) return { ok: true }
    if (bounded.aborted) return { ok: false, reason: `${name} did not end in ${timeoutMs} ms` }
    // The runtime's own words stand for a command that never ran.
    if (/level=error msg="exec failed: /.test(said)) {
      return { ok: false, reason: createReason(said.replaceAll('exec failed: ', '')) }
    }
    const last = printable(said.trim().split('\n').at(-1) ?? '', checkReasonCharactersMax)
    // A command may write what it was given.
    const rest = last === '' || secrets?.isSilent ? '' : `: ${last}`
    return { ok: false, reason: `${name} ended with exit code ${exitCode}${rest}` }
  } catch {
    return { ok: false, reason: `${name} cannot be run` }
  } finally {
    bounded.removeEventListener('abort', end)
    rmSync(pidFile, { force: true })
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

/** Outcome of a command. Its own end counts, even if a child still holds its pipes. */
function outcomeOf(
  child: Child,
): Promise<{ readonly exitCode: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (said.length < checkOutputBytesMax) said += text
      })
    }
    child.once('error', reject)
    child.once('exit', (exitCode) => {
      // What it wrote last may still be on its way.
      setImmediate(() => {
        for (const stream of [child.stdout, child.stderr]) stream.destroy()
        resolve({ exitCode, said })
      })
    })
  })
}

/** Ends a command with all that it has started: the runtime's end alone would leave it running. */
async function endCommand(child: Child, pidFile: string): Promise<void> {
  const pid = Number(textAt(pidFile))
  const startTicks = Number.isInteger(pid) && pid > 0 ? startTicksOf(pid) : null
  if (startTicks !== null) await endTree({ pid, startTicks }, 0)
  child.kill('SIGKILL')
}

function textAt(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return ''
  }
}
