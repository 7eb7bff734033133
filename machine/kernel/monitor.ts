import { execa } from 'execa'
import type { Log } from '../../reconcilers/reconciler.ts'
import { machineClock } from '../clock.ts'
import {
  burstMs,
  burstMsMax,
  monitorLineBytesMax,
  monitorRestartMsMax,
  monitorRestartMsMin,
  monitorSoundMs,
} from '../limits.ts'
import { toolEnvironment, toolPath } from '../tools.ts'

/** Dependencies of a monitor. */
export interface MonitorInit {
  readonly tool: string
  readonly args: readonly string[]
  /** See `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[] | undefined
  readonly log: Log
  /** One announcement. Must not throw. */
  readonly onLine: (line: string) => void
  /** It began to listen, the first time or again: what was said before was not heard. */
  readonly onStart: () => void
  /** It ended by itself, and is started again. */
  readonly onBreak: () => void
}

/** A child that tells of changes until it is stopped. */
export interface Monitor {
  /** Ends the child and waits for that. */
  stop(): Promise<void>
}

/**
 * Runs a tool that prints what the kernel announces, one long-lived child; it is started again with
 * backoff if it ends.
 */
export function startMonitor(init: MonitorInit): Monitor {
  const stopped = new AbortController()
  const ended = keepRunning(init, stopped.signal)
  return {
    async stop() {
      stopped.abort()
      await ended
    },
  }
}

async function keepRunning(init: MonitorInit, signal: AbortSignal): Promise<void> {
  let waitMs = monitorRestartMsMin
  while (!signal.aborted) {
    const startedMs = performance.now()
    try {
      await runChild(init, signal)
    } catch (error) {
      if (!signal.aborted)
        init.log.warn({ error, tool: init.tool }, 'a watch of the kernel stopped')
    }
    if (signal.aborted) return
    init.onBreak()
    if (performance.now() - startedMs > monitorSoundMs) waitMs = monitorRestartMsMin
    await machineClock.sleep(waitMs, signal)
    waitMs = Math.min(waitMs * 2, monitorRestartMsMax)
  }
}

async function runChild(init: MonitorInit, signal: AbortSignal): Promise<void> {
  const [file, ...rest] = [
    ...[...(init.launcher ?? []), ...diesWithParent(), toolPath(init.tool)],
    ...init.args,
  ] as [string, ...string[]]
  const child = execa(file, rest, {
    cwd: '/',
    env: toolEnvironment,
    extendEnv: false,
    stdin: 'ignore',
    stderr: 'ignore',
    buffer: false,
    cancelSignal: signal,
    killSignal: 'SIGKILL',
  })
  init.onStart()
  const lines = createLines(init.onLine)
  child.stdout.on('data', (chunk: Buffer) => lines.add(chunk.toString('latin1')))
  await child
}

/** The kernel ends the child with an agent that has no time left to do so (prctl(2)). */
function diesWithParent(): readonly string[] {
  return [toolPath('setpriv'), '--pdeathsig', 'KILL']
}

interface Lines {
  add(text: string): void
}

/** Cuts a stream into lines of at most `monitorLineBytesMax`. */
function createLines(onLine: (line: string) => void): Lines {
  let held = ''
  return {
    add(text) {
      const parts = (held + text).split('\n')
      held = (parts.pop() ?? '').slice(0, monitorLineBytesMax)
      for (const part of parts) onLine(part.slice(0, monitorLineBytesMax))
    },
  }
}

/** Tells of many events once. */
export interface Burst {
  add(reason: string): void
  stop(): void
}

/** Reports many events once: when they have been quiet, or have gone on for long. */
export function createBurst(onChange: (reason: string) => void): Burst {
  let timer: NodeJS.Timeout | undefined
  let sinceMs = 0
  return {
    add(reason) {
      const nowMs = performance.now()
      if (timer === undefined) sinceMs = nowMs
      else clearTimeout(timer)
      const leftMs = Math.max(0, sinceMs + burstMsMax - nowMs)
      timer = setTimeout(
        () => {
          timer = undefined
          onChange(reason)
        },
        Math.min(burstMs, leftMs),
      )
    },
    stop() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
