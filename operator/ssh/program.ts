import { type ChildProcess, spawn } from 'node:child_process'
import { systemCode } from '../terminal/failure.ts'
import { noSsh } from './fault.ts'
import { wordsBytesMax } from './limits.ts'

/** The environment of the person, with words of ssh that can be told apart. */
export type SshEnv = Readonly<Record<string, string | undefined>>

/** The result of a run of ssh. */
export interface SshEnd {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly words: string
}

/** Starts ssh; `stdio` as for `spawn`. Its stderr is always read. */
export function startSsh(
  args: readonly string[],
  env: SshEnv,
  stdio: 'ignore' | 'pipe',
): { readonly child: ChildProcess; readonly end: Promise<SshEnd> } {
  const child = spawn('ssh', args, {
    stdio: [stdio, stdio, 'pipe'],
    env: { ...env, LC_ALL: 'C' },
  })
  let words = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (words.length < wordsBytesMax) words += chunk.toString('utf8')
  })
  const end = new Promise<SshEnd>((resolve, reject) => {
    child.on('error', (error) => reject(systemCode(error) === 'ENOENT' ? noSsh(error) : error))
    // Not `close`: what goes on in the background may have kept a pipe.
    child.on('exit', (code) => setImmediate(() => resolve({ code, words })))
  })
  // Whoever does not wait for the end hears of it in another way.
  end.catch(() => undefined)
  return { child, end }
}

/** Runs ssh to its end, or until `signal` fires. */
export async function runSsh(
  args: readonly string[],
  env: SshEnv,
  signal: AbortSignal,
): Promise<SshEnd> {
  const { child, end } = startSsh(args, env, 'ignore')
  const stop = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', stop)
  try {
    return await end
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
