import { execa } from 'execa'
import type { Log } from '../../reconcilers/reconciler.ts'
import { machineClock } from './clock.ts'
import {
  burstMs,
  burstMsMax,
  monitorLineBytesMax,
  monitorRestartMsMax,
  monitorRestartMsMin,
  monitorSoundMs,
} from './limits.ts'
import { toolEnvironment, toolPath } from './tools.ts'

/** What a watch of the kernel is made from. */
export interface KernelWatchInit {
  /** Called once for each burst of events that concern covey. Must not throw. */
  readonly onChange: (reason: string) => void
  /**
   * Names of the links that matter now; other links' events are passed over. All matter where
   * absent.
   */
  readonly links?: () => ReadonlySet<string>
  readonly log: Log
  /** See `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[]
}

/** A watch that runs until it is stopped. */
export interface KernelWatch {
  /** Ends the child and waits for that. */
  stop(): Promise<void>
}

/**
 * Watches the kernel's announcements of links, addresses and routes through one long-lived `ip
 * monitor`. It is started again with backoff if it ends; what happens in between is found by the
 * periodic round. WireGuard peers are not announced by the kernel.
 */
export function watchKernel(init: KernelWatchInit): KernelWatch {
  const stopped = new AbortController()
  const burst = createBurst(init.onChange)
  const ended = watch(init, burst, stopped.signal)
  return {
    async stop() {
      stopped.abort()
      burst.stop()
      await ended
    },
  }
}

async function watch(init: KernelWatchInit, burst: Burst, signal: AbortSignal): Promise<void> {
  let waitMs = monitorRestartMsMin
  while (!signal.aborted) {
    const startedMs = performance.now()
    try {
      await monitor(init, burst, signal)
    } catch (error) {
      if (!signal.aborted) init.log.warn({ error }, 'the watch of the kernel broke off')
    }
    if (performance.now() - startedMs > monitorSoundMs) waitMs = monitorRestartMsMin
    await machineClock.sleep(waitMs, signal)
    waitMs = Math.min(waitMs * 2, monitorRestartMsMax)
    if (signal.aborted) return
    // Nothing was heard in between, so all of it may have changed.
    burst.add('the watch of the kernel began again')
  }
}

async function monitor(init: KernelWatchInit, burst: Burst, signal: AbortSignal): Promise<void> {
  const path = toolPath('ip')
  const args = ['-o', 'monitor', 'link', 'address', 'route']
  const [file, ...rest] = [...(init.launcher ?? []), path, ...args] as [string, ...string[]]
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
  const lines = createLines((line) => {
    if (concerns(line, init.links?.())) burst.add('the kernel announced a change')
  })
  child.stdout.on('data', (chunk: Buffer) => lines.add(chunk.toString('latin1')))
  await child
}

/** Whether a line of `ip -o monitor` is about one of `links`, which may be undefined for all. */
export function concerns(line: string, links: ReadonlySet<string> | undefined): boolean {
  if (links === undefined) return true
  const [, subject] = /^(?:Deleted )?\d+: ([^\s:@]+)/.exec(line) ?? []
  if (subject !== undefined) return links.has(subject)
  const [, device] = /\bdev ([^\s:@]+)/.exec(line) ?? []
  return device !== undefined && links.has(device)
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

interface Burst {
  add(reason: string): void
  stop(): void
}

/** Tells of many events once: when they have been quiet, or have gone on for long. */
function createBurst(onChange: (reason: string) => void): Burst {
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
