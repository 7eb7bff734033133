import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { execa } from 'execa'

/** A process that cannot be mistaken for another that got its number later. */
export interface ProcessId {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks from boot to its start. */
  readonly start: string
}

/** The result of a command. `exitCode` is -1 where a signal ended it. */
export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The options for running a command. */
export interface CommandOptions {
  readonly stdin?: string
  /** 60 000 where absent. */
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** All that a command of the lab inherits from whoever runs the lab. */
export const plainEnv: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
}

const outputBytesMax = 64 * 1024 * 1024

/**
 * Runs a command to its end, whatever its exit code. Rejects if it cannot start or takes too long.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await execa(command, args, {
    input: options.stdin ?? '',
    timeout: options.timeoutMs ?? 60_000,
    env: options.env ?? plainEnv,
    extendEnv: false,
    cwd: options.cwd ?? '/',
    reject: false,
    stripFinalNewline: false,
    maxBuffer: outputBytesMax,
  })
  if (result.timedOut || (result.exitCode === undefined && result.signal === undefined)) {
    throw new Error(`${[command, ...args].join(' ')}: ${result.shortMessage}`)
  }
  return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr }
}

/** Runs a command that has to succeed; gives its stdout. */
export async function must(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, options)
  if (exitCode !== 0) {
    throw new Error(`${[command, ...args].join(' ')}: exit code ${exitCode}\n${stderr}${stdout}`)
  }
  return stdout
}

/** Fields of /proc/PID/stat from the third on (the state), or null if there is no such process. */
function statFields(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** Makes a number into an identity, or null if there is no such process. */
export function identify(pid: number): ProcessId | null {
  const start = statFields(pid)?.[19]
  return start === undefined ? null : { pid, start }
}

/** Starts a process in a session of its own, so that Ctrl-C reaches the lab first. */
export function start(command: string, args: readonly string[]): ProcessId {
  const child = spawn(command, args, { detached: true, stdio: 'ignore', env: plainEnv, cwd: '/' })
  child.on('error', () => undefined)
  child.unref()
  const id = child.pid === undefined ? null : identify(child.pid)
  if (id === null) throw new Error(`${command} could not be started: run bin/setup --lab`)
  return id
}

/** True if it still runs; one that only waits to be reaped does not. */
export function isAlive({ pid, start }: ProcessId): boolean {
  const fields = statFields(pid)
  return fields !== null && fields[19] === start && fields[0] !== 'Z' && fields[0] !== 'X'
}

/** Kills exactly this process, if it still runs. */
export function killNow(id: ProcessId): void {
  if (!isAlive(id)) return
  try {
    process.kill(id.pid, 'SIGKILL')
  } catch {
    // It ended in between.
  }
}

/** The children of a process, oldest first. */
export function childrenOf(pid: number): readonly number[] {
  const found: number[] = []
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && statFields(Number(name))?.[1] === String(pid)) {
      found.push(Number(name))
    }
  }
  return found
}

/**
 * Runs a command in the network namespace of another process, everything else being the machine's.
 */
export function inNetworkOf(
  pid: number,
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return must('nsenter', [`--net=/proc/${pid}/ns/net`, '--', command, ...args], options)
}
