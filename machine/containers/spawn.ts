import { type SpawnOptions, spawn } from 'node:child_process'
import { CoveyError } from '../../protocol/fault.ts'
import { errorLine } from '../../reconcilers/tools/words.ts'
import { toolEnvironment, toolPath } from '../tools.ts'
import { toolOutputBytesMax } from './limits.ts'

/** A run of a tool that must succeed. */
export interface ToolRun {
  readonly tool: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/**
 * Runs an allow-listed tool without a shell; its error output. Plainer, and twice as quick, as the
 * runner of the ports: a container takes several such runs.
 *
 * Rejects with `tool-missing`, `tool-timeout`, or `tool-failed` and what the tool said.
 */
export async function runSound(run: ToolRun, signal?: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await runPlain(run, signal)
  if (exitCode === 0) return
  const reason = stderr.trim() === '' ? `exit ${exitCode}` : errorLine(stderr, run.tool)
  throw new CoveyError('tool-failed', `${run.tool}: ${reason}`)
}

const paths = new Map<string, string>()

/** Path of a tool, looked for until it is found once. Throws `tool-missing`. */
export function knownPath(tool: string): string {
  const path = paths.get(tool) ?? toolPath(tool)
  paths.set(tool, path)
  return path
}

/**
 * A program with its first arguments, in the network namespace of that path; where it is null, as
 * it is. runc 1.1 enters the user namespace of a container before its network, which the host's
 * root owns, so that it is refused there: it has to be in that network when it begins.
 */
export function withinNetwork(path: string | null, program: string): readonly string[] {
  return path === null ? [program] : [knownPath('nsenter'), `--net=${path}`, '--', program]
}

/** Runs an allow-listed tool; its exit code, null after a signal, and what it said. */
export async function runPlain(
  run: ToolRun,
  signal?: AbortSignal,
): Promise<{ readonly exitCode: number | null; readonly stderr: string }> {
  signal?.throwIfAborted()
  const options: SpawnOptions = {
    cwd: run.cwd ?? '/',
    env: { ...toolEnvironment, ...run.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: run.timeoutMs,
    killSignal: 'SIGKILL',
  }
  const child = spawn(knownPath(run.tool), run.args, options)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < toolOutputBytesMax) stderr += text
  })
  return await new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new CoveyError('tool-failed', `${run.tool} cannot be run`, { cause }))
    })
    child.once('close', (exitCode, ended) => {
      if (ended === 'SIGKILL' && child.killed) {
        const message = `${run.tool} did not end within ${run.timeoutMs} ms`
        reject(new CoveyError('tool-timeout', message))
      } else resolve({ exitCode, stderr })
    })
  })
}
