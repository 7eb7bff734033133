import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Where nothing else is said, the lab waits this long for what has to happen. Generous: machines
 * differ.
 */
export const waitMsMax = 60_000

const pollMs = 50

/**
 * Waits until `probe` gives something other than undefined or false, and gives that back. Rejects
 * with `what` and with what `probe` threw last, if it did, after `timeoutMs`.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs: number = waitMsMax,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== undefined && found !== false) return found
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) {
      const why = cause instanceof Error ? `: ${cause.message}` : ''
      throw new Error(`not within ${timeoutMs / 1000} s: ${what}${why}`, { cause })
    }
    await sleep(pollMs)
  }
}
