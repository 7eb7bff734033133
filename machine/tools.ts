import { accessSync, constants } from 'node:fs'
import { ExecaError, execa } from 'execa'
import { CoveyError } from '../protocol/fault.ts'
import type { Command, CommandResult, CommandRunner } from '../reconcilers/host-ports.ts'
import { commandMs, commandOutputBytesMax } from '../reconcilers/limits.ts'

/** Folders in which tools are looked for, in this order. Nothing else is ever run. */
const folders: readonly string[] = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** All that a tool sees of an environment. */
export const toolEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  PATH: folders.join(':'),
}

interface Tool {
  /** Debian package that brings it. */
  readonly package: string
  /** It leaves a process behind that must outlive the agent, and signals meant for its group. */
  readonly leavesDaemon?: true
  /** Covey starts it itself, by its path, for one purpose; no reconciler can run it. */
  readonly byPathOnly?: true
}

/** The tools that covey runs, and no others. */
const tools: Readonly<Record<string, Tool>> = {
  ip: { package: 'iproute2' },
  nft: { package: 'nftables' },
  ss: { package: 'iproute2' },
  wg: { package: 'wireguard-tools' },
  sysctl: { package: 'procps' },
  runc: { package: 'runc' },
  conmon: { package: 'conmon', leavesDaemon: true },
  mount: { package: 'mount' },
  umount: { package: 'mount' },
  'systemd-run': { package: 'systemd' },
  sh: { package: 'dash', byPathOnly: true },
  unshare: { package: 'util-linux', byPathOnly: true },
  nsenter: { package: 'util-linux', byPathOnly: true },
  setpriv: { package: 'util-linux', byPathOnly: true },
  pivot_root: { package: 'util-linux', byPathOnly: true },
  tar: { package: 'tar', byPathOnly: true },
  rm: { package: 'coreutils', byPathOnly: true },
  sync: { package: 'coreutils' },
  cp: { package: 'coreutils', byPathOnly: true },
  du: { package: 'coreutils', byPathOnly: true },
  script: { package: 'bsdutils', byPathOnly: true },
  stty: { package: 'coreutils', byPathOnly: true },
  'wireguard-go': { package: 'wireguard-go', leavesDaemon: true },
}

/**
 * Runs allow-listed tools by absolute path: no shell, a fixed environment, data on stdin, a timeout
 * and an output cap. `launcher` is put before every command, as `['/usr/bin/nsenter', '--net=…',
 * '--']` to work in another network namespace. `more` are tools of other packages' reconcilers,
 * each with the Debian package that brings it.
 *
 * Rejects with `tool-missing`, `tool-timeout`, `tool-output`, `tool-ended`, or the signal's reason.
 */
export function createCommandRunner(
  launcher: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): CommandRunner {
  const paths = new Map<string, string>()
  return async (command, signal) => {
    signal.throwIfAborted()
    const path = paths.get(command.tool) ?? runnablePath(command.tool, more)
    paths.set(command.tool, path)
    const [file, ...args] = [...launcher, path, ...command.args] as [string, ...string[]]
    return runTool(file, args, command, signal)
  }
}

function runnablePath(name: string, more: Readonly<Record<string, string>>): string {
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined
  if (tool?.byPathOnly === true && !Object.hasOwn(more, name)) {
    throw new CoveyError('tool-missing', `${name} is not allowed`)
  }
  return toolPath(name, more)
}

/** A tool that is not on this machine. */
export interface MissingTool {
  readonly tool: string
  /** Debian package that brings it. */
  readonly brings: string
  /** True if nothing else can stand in for it. */
  readonly isNeeded: boolean
}

/** The tools of the list that are not installed. */
export function missingTools(): readonly MissingTool[] {
  return Object.entries(tools).flatMap(([tool, { package: brings }]) => {
    try {
      toolPath(tool)
      return []
    } catch {
      // The kernel's own WireGuard needs no program.
      return [{ tool, brings, isNeeded: tool !== 'wireguard-go' }]
    }
  })
}

/** Absolute path of a tool. Throws `tool-missing` with the package that brings it. */
export function toolPath(name: string, more: Readonly<Record<string, string>> = {}): string {
  const other = Object.hasOwn(more, name) ? more[name] : undefined
  const foreign = other === undefined ? undefined : { package: other }
  const tool = Object.hasOwn(tools, name) ? tools[name] : foreign
  if (tool === undefined) throw new CoveyError('tool-missing', `${name} is not allowed`)
  for (const folder of folders) {
    const path = `${folder}/${name}`
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // It may be in the next folder.
    }
  }
  const hint = `on Debian: apt install ${tool.package}`
  throw new CoveyError('tool-missing', `${name} is not installed`, { hint })
}

async function runTool(
  file: string,
  args: readonly string[],
  command: Command,
  signal: AbortSignal,
): Promise<CommandResult> {
  const leavesDaemon = tools[command.tool]?.leavesDaemon === true
  const timeoutMs = command.timeoutMs ?? commandMs
  const result = await execa(file, args, {
    cwd: '/',
    env: toolEnvironment,
    extendEnv: false,
    input: command.stdin ?? '',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: commandOutputBytesMax,
    cancelSignal: signal,
    stripFinalNewline: false,
    reject: false,
    // A session of its own keeps a Ctrl-C that is meant for the agent from the daemon.
    detached: leavesDaemon,
    cleanup: !leavesDaemon,
  })
  const { exitCode, stdout, stderr } = result
  if (exitCode !== undefined && !result.isMaxBuffer) return { exitCode, stdout, stderr }
  signal.throwIfAborted()
  const options = result instanceof ExecaError ? { cause: result } : {}
  if (result.timedOut) {
    const message = `${command.tool} did not end within ${timeoutMs} ms`
    throw new CoveyError('tool-timeout', message, options)
  }
  if (result.isMaxBuffer) {
    const message = `${command.tool} wrote more than ${commandOutputBytesMax} bytes`
    throw new CoveyError('tool-output', message, options)
  }
  throw new CoveyError('tool-ended', `${command.tool} was killed by a signal`, options)
}
