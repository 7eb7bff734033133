import type { ContainerPolicy, ContainerSeen, ExitSeen, RestartCount } from '../host-containers.ts'
import { crashLoopStreak, restartMsMax, restartMsMin, soundMs } from './limits.ts'

/** The next step for a container whose process has ended. */
export type AfterExit =
  /** It has finished its work. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string }
  | {
      readonly kind: 'again'
      /** Milliseconds since 1970. */
      readonly atMs: number
      readonly waitMs: number
      readonly count: RestartCount
    }

/** Decides about a process that ended, by the policy of its container. */
export function afterExit(seen: ContainerSeen, exit: ExitSeen, policy: ContainerPolicy): AfterExit {
  // A container that was stopped here, and is still wanted, did not end by itself.
  const isOwnEnd = seen.stopping === null
  if (isOwnEnd && policy.restart !== 'always' && exit.exitCode === 0) return { kind: 'done' }
  if (isOwnEnd && policy.restart === 'never') {
    return { kind: 'failed', reason: `${exitText(exit)}${saidText(exit)}; restart is never` }
  }
  const { restarts, streak: before } = seen.count
  if (seen.stopping?.hadFailed === false) {
    return {
      ...{ kind: 'again', atMs: exit.exitedMs, waitMs: 0 },
      count: { restarts: restarts + 1, streak: before },
    }
  }
  const streak = exit.exitedMs - exit.startedMs >= soundMs ? 0 : before
  const waitMs = restartWaitMs(streak)
  const count = { restarts: restarts + 1, streak: streak + 1 }
  return { kind: 'again', atMs: exit.exitedMs + waitMs, waitMs, count }
}

/** For a process that ended, where a person asks for it once more: at once, whatever the policy. */
export function onceMore({ count }: Pick<ContainerSeen, 'count'>, exit: ExitSeen): AfterExit {
  const next = { restarts: count.restarts + 1, streak: 0 }
  return { kind: 'again', atMs: exit.exitedMs, waitMs: 0, count: next }
}

/** True if a container is restarted when it is unhealthy. */
export function restartsUnhealthy({ restart, health }: ContainerPolicy): boolean {
  return restart === 'always' && health?.restart !== false
}

/** The wait in ms before a start after `streak` starts in a row that did not last. */
function restartWaitMs(streak: number): number {
  if (streak <= 0) return 0
  return Math.min(restartMsMax, restartMsMin * 2 ** Math.min(streak - 1, 16))
}

/** True if a wait is over. A clock that jumped back makes no wait longer. */
export function isDue(atMs: number, sinceMs: number, nowMs: number): boolean {
  return nowMs >= atMs || nowMs < sinceMs
}

/** `exit code 1`, `exit code 137 (SIGKILL)`, `ran out of memory`. */
function exitText({ exitCode, oom }: ExitSeen): string {
  if (oom) return 'ran out of memory (resources.memory_bytes)'
  if (exitCode === null) return 'exit code unknown'
  const signal = exitCode > 128 ? signalNames.get(exitCode - 128) : undefined
  return signal === undefined ? `exit code ${exitCode}` : `exit code ${exitCode} (${signal})`
}

/** `; last output: …`, or nothing. */
function saidText({ lastLine }: ExitSeen): string {
  return lastLine === null ? '' : `; last output: ${lastLine}`
}

/**
 * The cause of a restart: the finding of its checks, or else how its process ended, with its last
 * output.
 */
export function causeText(
  ailment: string | null,
  exit: ExitSeen,
): { readonly cause: string; readonly said: string } {
  if (ailment !== null) return { cause: `unhealthy: ${ailment}`, said: '' }
  return { cause: exitText(exit), said: saidText(exit) }
}

/** The verdict on a container that waits for its restart. */
export function waitText(
  { ailment }: Pick<ContainerSeen, 'ailment'>,
  exit: ExitSeen,
  again: Extract<AfterExit, { kind: 'again' }>,
): { readonly state: 'pending' | 'failed'; readonly reason: string } {
  const { cause, said } = causeText(ailment, exit)
  const next = again.waitMs === 0 ? 'restarting' : `next try in ${again.waitMs / 1000} s`
  const restarts = again.count.restarts - 1
  if (again.count.streak <= crashLoopStreak) {
    // An unhealthy container stays so until it is well.
    const state = ailment === null ? 'pending' : 'failed'
    return { state, reason: `${cause}, ${next}${said}` }
  }
  const reason = `crash loop: ${cause}, ${restarts} restarts, ${next}${said}`
  return { state: 'failed', reason }
}

/** Signals by which processes commonly end (signal(7)). */
const signalNames: ReadonlyMap<number, string> = new Map([
  [1, 'SIGHUP'],
  [2, 'SIGINT'],
  [3, 'SIGQUIT'],
  [4, 'SIGILL'],
  [6, 'SIGABRT'],
  [7, 'SIGBUS'],
  [8, 'SIGFPE'],
  [9, 'SIGKILL'],
  [11, 'SIGSEGV'],
  [13, 'SIGPIPE'],
  [15, 'SIGTERM'],
  [31, 'SIGSYS'],
])
