import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { CoveyError } from '../../../protocol/fault.ts'
import {
  conmonArguments,
  parseSupervisorAnswer,
  type SupervisorInit,
} from '../../../reconcilers/tools/conmon.ts'
import { createReason } from '../../../reconcilers/tools/runc.ts'
import { toolEnvironment } from '../../tools.ts'
import { createMs, syncBytesMax } from '../limits.ts'
import { knownPath, withinNetwork } from '../spawn.ts'

/**
 * The runtime makes folders for mounts in the image, which other users than root have to enter: the
 * agent's own mask would keep them out.
 */
const underUsualMask = 'umask 022; exec "$0" "$@"'

/** A supervisor that is loaded and waits. One of the two must be called. */
export interface WaitingSupervisor {
  /**
   * Lets it make the container's process, and stay as its supervisor, which outlives the agent. The
   * number of that process, which waits to be started.
   *
   * Errors: `container-create` with the reason in one line, `tool-timeout`, `tool-failed`.
   */
  go(): Promise<number>
  /** Ends it; it has done nothing yet. */
  cancel(): void
}

/**
 * Loads a supervisor, beside whatever else a container takes. Its log must have a folder; what else
 * it is told of must be there when it goes. It moves into the control group `group`, unless that is
 * null. It runs within the network namespace `network`, if that is not null, and so does what it
 * starts. Throws `tool-missing`.
 */
export function loadSupervisor(
  init: Omit<SupervisorInit, 'runc'>,
  group: string | null,
  network: string | null = null,
): WaitingSupervisor {
  const args = conmonArguments({ ...init, runc: knownPath('runc') })
  const command = [...withinNetwork(network, knownPath('conmon')), ...args]
  const child = spawn(knownPath('sh'), ['-c', underUsualMask, ...command], {
    cwd: '/',
    env: { ...toolEnvironment, _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4' },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    // A session of its own keeps a Ctrl-C that is meant for the agent from it.
    detached: true,
  })
  // It begins nothing before it is told to, so that all it starts comes to be there.
  if (group !== null && child.pid !== undefined) joinGroup(child.pid, group)
  const answering = child.stdio[3] as Readable
  const starting = child.stdio[4] as Writable
  const answered = answerOf(child, answering)
  // Whoever cancels does not ask for it.
  answered.catch(() => undefined)
  const release = (): void => {
    // The supervisor keeps its end open for life, and would keep the agent from ending.
    answering.destroy()
    starting.destroy()
    child.unref()
  }
  // One that has died says why on the other pipe.
  starting.on('error', () => undefined)
  return {
    async go() {
      try {
        starting.end('\0')
        const answer = parseSupervisorAnswer(await answered)
        if (answer.pid !== null) return answer.pid
        throw new CoveyError('container-create', createReason(answer.message))
      } finally {
        release()
      }
    },
    cancel() {
      child.kill('SIGKILL')
      release()
    },
  }
}

function joinGroup(pid: number, group: string): void {
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
  } catch {
    // Somebody has stopped the unit. In the agent's own group it does as well.
  }
}

/** The first line on the pipe, or what there was when it ended. */
function answerOf(child: ChildProcess, pipe: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new CoveyError('tool-timeout', `conmon made no container within ${createMs} ms`))
    }, createMs)
    const end = (): void => {
      clearTimeout(timer)
      resolve(text)
    }
    pipe.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.includes('\n') || text.length > syncBytesMax) end()
    })
    pipe.once('end', end)
    pipe.once('error', end)
    pipe.once('close', end)
    child.once('error', (cause) => {
      clearTimeout(timer)
      reject(new CoveyError('tool-failed', 'conmon cannot be run', { cause }))
    })
  })
}
