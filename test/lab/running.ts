import { type ChildProcess, spawn } from 'node:child_process'
import { childrenOf } from './processes.ts'

/** A process that goes on beside the test, inside a host. */
export interface Running {
  /** The text that it has printed on both outputs so far. */
  output(): string
  /** Sends it a signal; it must still run. */
  signal(name: NodeJS.Signals): void
  /** Settles when it has ended; -1 stands for a signal. */
  readonly ended: Promise<number>
}

/** Starts `nsenter` with these arguments, and goes on. */
export function startBeside(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Running {
  const child = spawn(command, args, { env, cwd: '/' })
  let text = ''
  const take = (chunk: Buffer): void => {
    text += chunk.toString()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  return {
    output: () => text,
    signal: (name) => signalChild(child, name),
    ended: new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve(code ?? -1))
    }),
  }
}

/**
 * `nsenter` passes no signals on: the process that is meant is its child. Only where that is
 * stopped, `nsenter` stops as well, and could never reap it.
 */
function signalChild(child: ChildProcess, name: NodeJS.Signals): void {
  const [inner] = child.pid === undefined ? [] : childrenOf(child.pid)
  if (inner === undefined) throw new Error('the process has ended already')
  process.kill(inner, name)
  if (name === 'SIGCONT') child.kill(name)
}
