import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Failure } from '../terminal/failure.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { connect, type LineInit } from './connect.ts'
import { destinationText } from './destination.ts'
import { sshFailure } from './fault.ts'
import { argumentBytesMax, wordsBytesMax } from './limits.ts'
import { overLine } from './ssh-line.ts'

/** The limits of a script. */
interface ScriptBounds {
  readonly bytesMax: number
  readonly msMax: number
}

/** The end of a script. */
interface ScriptEnd {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly out: Buffer
  /** The output on stderr, its own or that of ssh; as much as is kept. */
  readonly words: string
}

/** A machine on which scripts of the POSIX shell are run, as root where the user may become it. */
export interface RemoteShell {
  /** For people: `ssh://root@pi`, or `this machine`. */
  readonly name: string
  /** Runs a script to its end. Throws `Failure`: `ssh-…`, `remote-silent`, `remote-too-much`. */
  run(script: string, args: readonly string[], bounds: ScriptBounds): Promise<ScriptEnd>
  /**
   * Starts a script whose stdin stays open; neither Ctrl-C nor the end of this process ends it but
   * by the end of that stdin.
   */
  start(script: string, args: readonly string[]): ChildProcess
}

/** Root, where sudo asks for no password; `$0` is the script. */
const asRoot =
  'if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then exec sudo -n sh -c "$0" sh "$@"; fi; ' +
  'exec sh -c "$0" sh "$@"'

/** Opens a connection on which scripts are run; no covey is needed there. Throws as `connect`. */
export async function openShell(init: LineInit): Promise<RemoteShell> {
  const control = join(await connect(init), 'ctl')
  const name = destinationText(init.destination)
  const start = (script: string, args: readonly string[]): ChildProcess => {
    const words = ['sh', '-c', asRoot, script, ...args].map(quoted)
    const remote = `exec ${words.join(' ')}`
    // Linux: MAX_ARG_STRLEN.
    if (Buffer.byteLength(remote) >= 131_072) {
      throw new Failure(1, 'remote-too-much', `${name}: the question to it is too long`)
    }
    return spawn('ssh', [...overLine(control), '-T', 'x', '--', remote], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...init.env, LC_ALL: 'C' },
      detached: true,
    })
  }
  return {
    name,
    start,
    async run(script, args, bounds) {
      const end = await endOf(name, start(script, args), bounds)
      // 255 is what ssh itself ends with.
      if (end.code === 255) throw sshFailure(init.destination, end.words)
      return end
    },
  }
}

/** This machine, in the same way. */
export function ownShell(env: LineInit['env']): RemoteShell {
  const name = 'this machine'
  const start = (script: string, args: readonly string[]): ChildProcess =>
    spawn('sh', ['-c', asRoot, script, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, LC_ALL: 'C' },
      detached: true,
    })
  return { name, start, run: (script, args, bounds) => endOf(name, start(script, args), bounds) }
}

/** Words in groups, each of which a script can be given at once. */
export function wordGroups(words: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const word of words) {
    const own = Buffer.byteLength(quoted(word)) + 1
    bytes += own
    if (bytes > argumentBytesMax) {
      groups.push([])
      bytes = own
    }
    groups.at(-1)?.push(word)
  }
  return groups
}

/** A word in quotes, whatever it begins with. */
function quoted(text: string): string {
  return text.startsWith('-') ? `'${text}'` : shellWord(text)
}

function endOf(name: string, child: ChildProcess, bounds: ScriptBounds): Promise<ScriptEnd> {
  const { bytesMax, msMax } = bounds
  const parts: Buffer[] = []
  let [bytes, words] = [0, '']
  let failure: Failure | undefined
  const giveUp = (code: string, message: string): void => {
    failure ??= new Failure(1, code, `${name}: ${message}`)
    child.kill('SIGTERM')
  }
  const timer = setTimeout(() => {
    giveUp('remote-silent', `no answer within ${Math.round(msMax / 1000)} s`)
  }, msMax)
  child.stdin?.on('error', () => undefined)
  child.stdin?.end()
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bytesMax) giveUp('remote-too-much', 'the answer is larger than it can be')
    else parts.push(chunk)
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    if (words.length < wordsBytesMax) words += chunk.toString('utf8')
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      if (failure === undefined) resolve({ code, out: Buffer.concat(parts), words })
      else reject(failure)
    })
  })
}
