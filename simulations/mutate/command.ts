import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** The end of a command. */
export interface CommandEnd {
  /** Null where it was ended: by `look`, by `stop`, or because it timed out. */
  readonly exitCode: number | null
  readonly tookTooLong: boolean
  /** Its last lines on stderr. */
  readonly lastWords: string
}

/** Longest time of one command; no mutation needs half of it. */
const commandMsMax = 120_000
/** Lines of stderr that are kept. */
const lastWordsMax = 12

/**
 * Runs node with `args` in `folder` and looks at each line that it prints; where `look` says that
 * it has seen enough, the command is ended, with all that it started.
 */
export async function runNode(
  folder: string,
  args: readonly string[],
  stop: AbortSignal,
  look: (line: string) => boolean,
): Promise<CommandEnd> {
  const slow = AbortSignal.timeout(commandMsMax)
  const child = spawn(process.execPath, [...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that agents and tools of a test end with it.
    detached: true,
  })
  const end = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    process.kill(-child.pid, 'SIGKILL')
  }
  const ended = AbortSignal.any([stop, slow])
  ended.addEventListener('abort', end)
  const words: string[] = []
  const errors = createInterface(child.stderr)
  errors.on('line', (line) => {
    words.push(line)
    if (words.length > lastWordsMax) words.shift()
  })
  createInterface(child.stdout).on('line', (line) => {
    if (look(line)) end()
  })
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve)
    child.on('error', reject)
  })
  ended.removeEventListener('abort', end)
  return { exitCode, tookTooLong: slow.aborted, lastWords: words.join('\n') }
}
