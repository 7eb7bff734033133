import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type LineInit } from './connect.ts'
import { openMsMax } from './limits.ts'
import { probe } from './probe.ts'
import { runSsh, type SshEnv } from './program.ts'
import { openRelay } from './relay.ts'
import { overLine, type SshLine } from './ssh-line.ts'

/**
 * Reaches a host with the system's ssh, by the configuration that it has, and its agent. Throws
 * `Failure`: `no-ssh`, `ssh-host-key`, `ssh-denied` (exit code 4), `ssh-unreachable`, `no-agent`
 * (5), `ssh-config` (2), `no-covey`, `dial-failed`.
 */
export async function openLine(init: LineInit): Promise<SshLine> {
  const folder = await connect(init)
  const line = {
    destination: init.destination,
    control: join(folder, 'ctl'),
    covey: join(folder, 'covey.sock'),
    admin: join(folder, 'admin.sock'),
  }
  try {
    if (!(await forward(line, init.env))) await openRelay(line, init.env)
    return line
  } catch (error) {
    // Who follows a log tries again and again: nothing is left of a try that led nowhere.
    const signal = AbortSignal.timeout(openMsMax)
    await runSsh([...overLine(line.control), '-O', 'exit', 'x'], init.env, signal).catch(() => {})
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Forwards the sockets of the agent; true if that succeeded. */
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
