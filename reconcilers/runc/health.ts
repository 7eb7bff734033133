import type { ContainerRecord, HealthObject, HealthSeen } from '../host-containers.ts'
import { usualTimes } from './object/health-fields.ts'

/** The result of one check; `reason` is one line for people. */
export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/**
 * The health of a container after a check. One success makes it healthy; `retries` failures in a
 * row make it unhealthy. A failure within `start_seconds` of its start does not count before the
 * first success.
 */
export function afterCheck(
  before: HealthSeen,
  result: CheckResult,
  check: HealthObject,
  ranMs: number,
): HealthSeen {
  if (result.ok) return { state: 'healthy', failures: 0, reason: null }
  const { reason } = result
  if (before.state === 'starting' && ranMs < check.start_seconds * 1000) {
    return { state: 'starting', failures: 0, reason }
  }
  const failures = Math.min(before.failures + 1, check.retries)
  return { state: failures >= check.retries ? 'unhealthy' : before.state, failures, reason }
}

/** The message of its last failed check. */
export function unwellText({ reason }: HealthSeen): string {
  return reason ?? 'its check fails'
}

/** The last reason for which a container was unhealthy (`ContainerSeen.ailment`), after a check. */
export function ailmentAfter(health: HealthSeen, before: string | null): string | null {
  if (health.state === 'healthy') return null
  return health.state === 'unhealthy' ? unwellText(health) : before
}

/**
 * Time from the end of one check to the next, in ms. A starting container is checked more often, so
 * that it counts as healthy soon after it is.
 */
export function nextCheckMs(health: HealthSeen, check: HealthObject, usualMs: number): number {
  const { interval_seconds, start_interval_seconds } = check
  const intervalMs = interval_seconds * 1000
  const startMs = start_interval_seconds === undefined ? usualMs : start_interval_seconds * 1000
  return health.state === 'starting' ? Math.min(intervalMs, startMs) : intervalMs
}

/**
 * The check of a container: that of its object, or, where the object asks for it, that of its image
 * with the object's times. Null for none.
 */
export function checkOf({
  policy,
  imageHealth,
}: Pick<ContainerRecord, 'policy' | 'imageHealth'>): HealthObject | null {
  const { health } = policy
  if (health === null || !('from_image' in health)) return health
  if (imageHealth === undefined) return null
  const timesOf = (name: keyof typeof usualTimes): number =>
    health[name] ?? imageHealth[name] ?? usualTimes[name]
  const { command } = imageHealth
  return {
    command,
    interval_seconds: timesOf('interval_seconds'),
    timeout_seconds: timesOf('timeout_seconds'),
    retries: timesOf('retries'),
    start_seconds: timesOf('start_seconds'),
    start_interval_seconds: health.start_interval_seconds ?? imageHealth.start_interval_seconds,
  }
}
