import { createInterface } from 'node:readline/promises'
import { run } from './run.ts'
import { systemReason } from './terminal/failure.ts'
import type { Io } from './terminal/io.ts'
import { openTerminal } from './terminal/raw-terminal.ts'

let interruption: AbortController | undefined

const io: Io = {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  write: (to, bytes) =>
    new Promise((resolve) => {
      const stream = to === 'out' ? process.stdout : process.stderr
      stream.write(bytes, () => resolve())
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
  now: () => Date.now(),
}

// Whoever reads our output may stop reading (`covey history | head -1`); that is no failure of
// ours. A disk that is full is one, and the rest of the output is lost.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    if (stream === process.stdout) {
      const message = `cannot write the output: ${systemReason(error)}`
      process.stderr.write(`covey: ${message}\nhint: make room, or write elsewhere\n`)
    }
    process.exit(1)
  })
}

process.exitCode = await run(process.argv.slice(2), io)
