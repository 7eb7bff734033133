import type { Clock } from '../../../../reconcilers/host-ports.ts'
import { type RegistryLimits, retryJitter } from '../limits.ts'
import { RegistryError } from './errors.ts'

/** Timeouts and backoff for a registry, with their clock and random source. */
export interface Patience {
  readonly clock: Clock
  /** From 0 up to but not including 1. */
  readonly random: () => number
  readonly limits: RegistryLimits
}

/**
 * Waits before the next try after `failures` in a row, of which `error` is the last: longer each
 * time, with jitter, or as long as the registry asked. Throws `error` where waiting is no use, or
 * would take longer than is left to this client, and the signal's reason if that fires.
 */
export async function waitAfter(
  { clock, random, limits }: Patience,
  error: unknown,
  failures: number,
  failuresMax: number,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (!(error instanceof RegistryError) || !error.transient || failures >= failuresMax) throw error
  const grownMs = Math.min(limits.retryMsMax, limits.retryMsMin * 2 ** (failures - 1))
  const jitteredMs = grownMs * (1 - retryJitter * random())
  if ((error.retryAfterMs ?? 0) > limits.retryAfterMsMax) throw error
  await clock.sleep(Math.max(jitteredMs, error.retryAfterMs ?? 0), signal)
  signal.throwIfAborted()
}

/** Tries up to `attemptsMax` times. Rejects with the last error. */
export async function patiently<T>(
  patience: Patience,
  attemptsMax: number,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      await waitAfter(patience, error, failures, attemptsMax, signal)
    }
  }
}
