import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shellWord } from '../terminal/shell-word.ts'
import type { SshDestination } from './destination.ts'
import { sshFailure } from './fault.ts'
import { takeLineFolder } from './guard.ts'
import { aliveSeconds, connectSecondsMax, idleSecondsMax, openMsMax } from './limits.ts'
import { runSsh, type SshEnv } from './program.ts'
import type { SshLine } from './ssh-line.ts'

/** The way to reach a host. */
export interface LineInit {
  readonly destination: SshDestination
  readonly env: SshEnv
  /** Another host, through which this one is reached; over the connection that is there. */
  readonly via?: SshLine | undefined
  /** True if ssh may ask the person at the terminal. */
  readonly mayAsk: boolean
}

/**
 * Makes a connection over which sessions can be opened; gives its private folder, in which `ctl` is
 * its socket. Throws `Failure`: `no-ssh`, `ssh-host-key`, `ssh-denied`, `ssh-unreachable`,
 * `ssh-config`.
 */
export async function connect(init: LineInit): Promise<string> {
  const { destination, env, mayAsk } = init
  const folder = takeLineFolder(env)
  mkdirSync(folder, { mode: 0o700 })
  const making = join(folder, 'making')
  const signal = mayAsk ? new AbortController().signal : AbortSignal.timeout(openMsMax)
  writeFileSync(making, '')
  try {
    const { code, words } = await runSsh(connectArgs(init, join(folder, 'ctl')), env, signal)
    if (code === 0) return folder
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

/** The option that does what `-J` does, over the existing connection to the other host. */
function through({ control }: SshLine): string {
  const path = shellWord(control).replaceAll('%', '%%')
  return `ssh -F none -S ${path} -W '[%h]:%p' x`
}
