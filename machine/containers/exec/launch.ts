import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { TerminalSize } from '../../../protocol/exec-frames.ts'
import { toolEnvironment } from '../../tools.ts'
import { knownPath, withinNetwork } from '../spawn.ts'

/** Paths that the runtime needs for one command. All are absolute. */
export interface ExecFiles {
  readonly folder: string
  /** The process as the OCI runtime spec has it. */
  readonly process: string
  /** The runtime writes the number of the process here, once it runs. */
  readonly pid: string
  /** File for the runtime's error when it starts nothing. */
  readonly log: string
}

/** A command that is being started by the runtime. */
export interface Launched {
  readonly child: ChildProcess
  /** Null where the command has no stdin. */
  readonly stdin: Writable | null
  readonly stdout: Readable
  /** Null with a terminal, which has one output. */
  readonly stderr: Readable | null
  /** Gives the terminal another size; the program is told by SIGWINCH. Nothing without one. */
  resize(size: TerminalSize): void
}

/** The command to launch, and its container. */
export interface LaunchInit {
  readonly files: ExecFiles
  readonly id: string
  readonly runcRoot: string
  readonly network: string | null
  readonly terminal: TerminalSize | null
  readonly hasStdin: boolean
}

/** The runtime leaves a command the mask that it has itself, and the agent's suits no container. */
const usualMask = 'umask 022'

/** Starts `runc exec` for a process that lies in a file. Throws `tool-missing`. */
export function launchExec(init: LaunchInit): Launched {
  return init.terminal === null ? launchWithPipes(init) : launchInTerminal(init, init.terminal)
}

function launchWithPipes({ files, id, runcRoot, network, hasStdin }: LaunchInit): Launched {
  const { process, pid, log } = files
  const args = ['--root', runcRoot, '--log', log, 'exec', '--process', process, '--pid-file', pid]
  const script = `${usualMask} && exec "$0" "$@"`
  const command = [...withinNetwork(network, knownPath('runc')), ...args, id]
  const child = spawn(knownPath('sh'), ['-c', script, ...command], {
    cwd: '/',
    env: toolEnvironment,
    stdio: [hasStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  })
  const [stdin, stdout, stderr] = [child.stdin, child.stdout as Readable, child.stderr]
  return { child, stdin, stdout, stderr, resize() {} }
}

/**
 * All that the shell runs; what differs comes in its environment, so that no name and no path is
 * ever read as shell text. Raw and without echo: the terminal in the container does all of that,
 * but for the ends of lines, where runc takes out the carriage returns that this one puts in.
 */
const terminalScript = [
  usualMask,
  '"$STTY" raw -echo opost onlcr rows "$ROWS" cols "$COLUMNS"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own syntax
  'exec ${NSENTER:+"$NSENTER" "--net=$NETWORK" --} "$RUNC" --root "$RUNC_ROOT" --log "$EXEC_LOG" exec' +
    ' --process "$EXEC_PROCESS" --pid-file "$EXEC_PID" "$CONTAINER"',
].join(' && ')

/**
 * A terminal without native code: `script` makes one and passes it through its own stdin and
 * stdout. The runtime makes another one in the container and hands it the size of this one.
 */
function launchInTerminal(
  { files, id, runcRoot, network, hasStdin }: LaunchInit,
  { rows, columns }: TerminalSize,
): Launched {
  const child = spawn(knownPath('script'), ['-qefc', terminalScript, '/dev/null'], {
    cwd: '/',
    env: {
      ...toolEnvironment,
      SHELL: knownPath('sh'),
      STTY: knownPath('stty'),
      ROWS: String(rows),
      COLUMNS: String(columns),
      ...(network === null ? {} : { NSENTER: knownPath('nsenter'), NETWORK: network }),
      RUNC: knownPath('runc'),
      RUNC_ROOT: runcRoot,
      EXEC_LOG: files.log,
      EXEC_PROCESS: files.process,
      EXEC_PID: files.pid,
      CONTAINER: id,
    },
    // An end of its stdin would be typed into the terminal as Ctrl-D.
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return {
    child,
    stdin: hasStdin ? child.stdin : null,
    stdout: child.stdout as Readable,
    stderr: null,
    resize: (size) => resizeTerminal(child, size),
  }
}

/** Sets the size on the terminal of `script`'s child; the kernel sends it SIGWINCH. */
function resizeTerminal(script: ChildProcess, { rows, columns }: TerminalSize): void {
  const { pid, exitCode, signalCode } = script
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  let inner: string | undefined
  try {
    inner = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0]
  } catch {
    return
  }
  if (!inner) return
  const args = ['-F', `/proc/${inner}/fd/0`, 'rows', String(rows), 'cols', String(columns)]
  const child = spawn(knownPath('stty'), args, { cwd: '/', env: toolEnvironment, stdio: 'ignore' })
  // The command may end at the same time; then there is nothing to resize.
  child.on('error', () => {})
}
