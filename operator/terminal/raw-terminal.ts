import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import type { Socket } from 'node:net'
import type { WriteStream } from 'node:tty'
import type { Terminal } from './io.ts'

const stdinFd = 0

/** Sizes that a terminal has where it does not say. */
const usual = { rows: 24, columns: 80 }

/** The terminal that stdin is; `output` tells its size where that is one too. */
export function openTerminal(output: WriteStream): Terminal {
  return {
    size: () => ({
      rows: output.rows || usual.rows,
      columns: output.columns || usual.columns,
    }),
    raw() {
      const before = stty(['-g'])
      if (before === null || stty(['raw', '-echo']) === null) return () => {}
      const guard = guardTerminal(before)
      const restore = (): void => {
        process.off('exit', restore)
        guard.kill('SIGKILL')
        stty([before])
      }
      process.on('exit', restore)
      return restore
    },
    onResize(listener) {
      output.on('resize', listener)
      return () => output.off('resize', listener)
    },
  }
}

/**
 * Asks stty(1) about the terminal on stdin, or has it set that; null where it does not. Node's own
 * raw mode goes on to put a carriage return before each line feed, which moves what full-screen
 * programs draw.
 */
function stty(args: readonly string[]): string | null {
  const { status, stdout } = spawnSync('stty', args, {
    stdio: [stdinFd, 'pipe', 'ignore'],
    encoding: 'latin1',
  })
  return status === 0 ? stdout.trim() : null
}

/**
 * Puts the settings back where this process was killed without a chance to do so. It waits for the
 * end of its stdin, and then a moment: a shell that puts its terminal right itself comes first, and
 * is left alone, since the settings are no longer those that this process has made.
 */
const guardScript = [
  'raw=$(stty -g <&3) || exit 0',
  'read -r _',
  'sleep 0.2',
  '[ "$(stty -g <&3)" != "$raw" ] || stty "$1" <&3',
].join('\n')

/** In a session of its own it neither hears Ctrl-C nor is stopped as a background job. */
function guardTerminal(before: string): ChildProcess {
  const child = spawn('/bin/sh', ['-c', guardScript, 'sh', before], {
    stdio: ['pipe', 'ignore', 'ignore', stdinFd],
    detached: true,
  })
  child.on('error', () => {})
  const pipe = child.stdin as Socket
  pipe.on('error', () => {})
  // Neither keeps this process from ending; that it has ended is what the guard waits for.
  pipe.unref()
  child.unref()
  return child
}
