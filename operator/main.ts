import './terminal/no-debugger.ts'
import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { machineCalls } from '../platform/files/calls.ts'
import { takeName } from './folder/edit-lock.ts'
import { run } from './run.ts'
import { systemCode, systemReason } from './terminal/failure.ts'
import type { Io } from './terminal/io.ts'
import { openTerminal } from './terminal/raw-terminal.ts'

/** The working directory; one that was removed meanwhile is told in a line, and is the end. */
function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    process.stderr.write('covey: the current folder is gone: it was removed\nhint: cd elsewhere\n')
    return process.exit(1)
  }
}

let interruption: AbortController | undefined

const io: Io = {
  env: process.env,
  cwd: workingDirectory(),
  stdin: process.stdin,
  canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  write: (to, bytes) =>
    new Promise((resolve) => {
      const stream = to === 'out' ? process.stdout : process.stderr
      stream.write(bytes, (error) => {
        // Bytes go on for as long as somebody else sends them.
        if (systemCode(error) === 'EPIPE') process.exit(0)
        resolve()
      })
    }),
  endInput: () => process.stdin.destroy(),
  terminal: process.stdin.isTTY === true ? openTerminal(process.stdout) : null,
  onSignals: (names, listener) => {
    for (const name of names) process.on(name, listener)
    return () => {
      for (const name of names) process.off(name, listener)
    }
  },
  ask: async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    // On a terminal readline takes Ctrl-C and Ctrl-D for itself; both mean that nobody says yes.
    const stopped = new AbortController()
    const stop = (): void => stopped.abort()
    lines.once('SIGINT', stop).once('close', stop)
    try {
      return await lines.question(question, { signal: stopped.signal })
    } finally {
      lines.close()
      process.stdin.unref?.()
    }
  },
  interrupted: () => {
    if (interruption === undefined) {
      interruption = new AbortController()
      const controller = interruption
      for (const name of ['SIGINT', 'SIGTERM'] as const)
        process.once(name, () => controller.abort())
    }
    return interruption.signal
  },
  files: machineCalls,
  takeName,
  now: () => Date.now(),
  wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
}

/**
 * Whoever reads our output may stop reading (`covey events | head -1`), or the disk under it may be
 * full. What goes on for ever ends then. Everything else comes to its end, since what it prints is
 * the last that it does: an `apply` must not stay half done for want of a reader.
 */
function outputBroke(error: NodeJS.ErrnoException): void {
  interruption?.abort()
  // A stream that broke is closed, and says that too with every write.
  if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return
  process.exitCode = 1
  const hint = 'hint: make room, or write elsewhere'
  process.stderr.write(`covey: cannot write the output: ${systemReason(error)}\n${hint}\n`)
}

process.stdout.on('error', outputBroke)
// Words for people that nobody reads; there is no other place to say so.
process.stderr.on('error', () => undefined)

const exit = await run(process.argv.slice(2), io)
if (exit !== 0 || process.exitCode === undefined) process.exitCode = exit
