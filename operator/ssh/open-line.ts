import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shellWord } from '../terminal/shell-word.ts'
import type { SshDestination } from './destination.ts'
import { sshFailure } from './fault.ts'
import { takeLineFolder } from './guard.ts'
import { aliveSeconds, connectSecondsMax, idleSecondsMax, openMsMax } from './limits.ts'
import { probe } from './probe.ts'
import { runSsh, type SshEnv } from './program.ts'
import { openRelay } from './relay.ts'
import { overLine, type SshLine } from './ssh-line.ts'

/** How a host is reached. */
export interface LineInit {
  readonly destination: SshDestination
  readonly env: SshEnv
  /** Another host, through which this one is reached; over the connection that is there. */
  readonly via?: SshLine | undefined
  /** Whether ssh may ask the person at the terminal. */
  readonly mayAsk: boolean
}

/**
 * Reaches a host with the system's ssh, by the configuration that it has, and its agent. Throws
 * `Failure`: `no-ssh`, `ssh-host-key`, `ssh-denied` (exit code 4), `ssh-unreachable`, `no-agent`
 * (5), `ssh-config` (2), `no-covey`, `dial-failed`.
 */
export async function openLine(init: LineInit): Promise<SshLine> {
  const folder = takeLineFolder(init.env)
  mkdirSync(folder, { mode: 0o700 })
  const control = join(folder, 'ctl')
  const line = {
    destination: init.destination,
    control,
    covey: join(folder, 'covey.sock'),
    admin: join(folder, 'admin.sock'),
  }
  await connect(init, folder, control)
  if (await forward(line, init.env)) return line
  await openRelay(line, init.env)
  return line
}

async function connect(init: LineInit, folder: string, control: string): Promise<void> {
  const { destination, env, mayAsk } = init
  const making = join(folder, 'making')
  const signal = mayAsk ? new AbortController().signal : AbortSignal.timeout(openMsMax)
  writeFileSync(making, '')
  try {
    const { code, words } = await runSsh(connectArgs(init, control), env, signal)
    if (code === 0) return
    throw signal.aborted
      ? sshFailure(destination, 'Connection timed out')
      : sshFailure(destination, words)
  } finally {
    rmSync(making, { force: true })
  }
}

function connectArgs({ destination, via, mayAsk }: LineInit, control: string): readonly string[] {
  const { user, host, port } = destination
  const options = [
    'ControlMaster=yes',
    `ControlPath=${control}`,
    `ControlPersist=${idleSecondsMax}`,
    `BatchMode=${mayAsk ? 'no' : 'yes'}`,
    `ConnectTimeout=${connectSecondsMax}`,
    `ServerAliveInterval=${aliveSeconds}`,
    'ServerAliveCountMax=3',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'ForwardX11=no',
    'PermitLocalCommand=no',
    'StreamLocalBindUnlink=yes',
    ...(via === undefined ? [] : [`ProxyCommand=${through(via)}`]),
  ]
  return [
    '-f',
    '-N',
    ...options.flatMap((option) => ['-o', option]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '--',
    host,
  ]
}

/** What `-J` does, over the connection to the other host that is there already. */
function through({ control }: SshLine): string {
  const path = shellWord(control).replaceAll('%', '%%')
  return `ssh -F none -S ${path} -W '[%h]:%p' x`
}

/** Whether the sockets of the agent could be had as forwarded ones. */
async function forward(line: SshLine, env: SshEnv): Promise<boolean> {
  const { runDir } = line.destination
  const forwards = (
    [
      ['covey', line.covey],
      ['admin', line.admin],
    ] as const
  ).flatMap(([name, path]) => ['-L', `${path}:${runDir}/${name}.sock`])
  const signal = AbortSignal.timeout(openMsMax)
  const over = overLine(line.control)
  const { code } = await runSsh([...over, '-O', 'forward', ...forwards, 'x'], env, signal)
  if (code === 0 && (await probe(line.admin))) return true
  // Not allowed there, not root there, or no agent: asking in the other way says which.
  await runSsh([...over, '-O', 'cancel', ...forwards, 'x'], env, signal)
  for (const path of [line.covey, line.admin]) rmSync(path, { force: true })
  return false
}
