import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { CoveyError } from '../../protocol/fault.ts'
import {
  conmonArguments,
  parseSupervisorAnswer,
  type SupervisorInit,
} from '../../reconcilers/tools/conmon.ts'
import { createReason } from '../../reconcilers/tools/runc.ts'
import { toolEnvironment } from '../machine/tools.ts'
import { createMs, syncBytesMax } from './limits.ts'
import { knownPath } from './spawn.ts'

/**
 * Starts a supervisor, which makes the container's process and outlives the agent. The number of
 * that process, which waits to be started.
 *
 * Errors: `container-create` with the reason in one line, `tool-missing`, `tool-timeout`.
 */
export async function startSupervisor(init: Omit<SupervisorInit, 'runc'>): Promise<number> {
  const args = conmonArguments({ ...init, runc: knownPath('runc') })
  const child = spawn(knownPath('conmon'), args, {
    cwd: '/',
    env: { ...toolEnvironment, _OCI_SYNCPIPE: '3' },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    // A session of its own keeps a Ctrl-C that is meant for the agent from it.
    detached: true,
  })
  const pipe = child.stdio[3] as Readable
  try {
    const answer = parseSupervisorAnswer(await answerOf(child, pipe))
    if (answer.pid !== null) return answer.pid
    throw new CoveyError('container-create', createReason(answer.message))
  } finally {
    // The supervisor keeps its end open for life, and would keep the agent from ending.
    pipe.destroy()
    child.unref()
  }
}

/** The first line on the pipe, or what there was when it ended. */
function answerOf(child: ChildProcess, pipe: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => {
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
    child.once('error', (cause) => {
      clearTimeout(timer)
      reject(new CoveyError('tool-failed', 'conmon cannot be run', { cause }))
    })
  })
}
