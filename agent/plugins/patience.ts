import { CoveyError } from '../../protocol/fault.ts'
import { thrownError } from './words.ts'

/**
 * Waits for a call into a package's code, for a time. The signal that `call` gets fires when the
 * time is over too. Rejects with the signal's reason, with `plugin-hangs`, or with what was thrown.
 */
type Patience = <T>(
  member: string,
  limitMs: number,
  signal: AbortSignal,
  call: (limited: AbortSignal) => Promise<T>,
) => Promise<T>

/**
 * Makes one package's patience. After a call that did not come back in its time nothing of the
 * package is called until it does: two calls at once could undo each other's work.
 */
export function createPatience(name: string): Patience {
  let hanging: CoveyError | null = null
  return async (member, limitMs, signal, call) => {
    if (hanging !== null) throw hanging
    signal.throwIfAborted()
    const overtime = new AbortController()
    const { promise: late, reject } = Promise.withResolvers<never>()
    const stop = (): void => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    const work = (async () => call(AbortSignal.any([signal, overtime.signal])))()
    const timer = setTimeout(() => {
      const message = `${name} has not returned from ${member} in ${limitMs / 1000} s`
      const hint = 'fix the package and restart the agent'
      hanging = new CoveyError('plugin-hangs', message, { hint })
      const forget = (): void => {
        hanging = null
      }
      work.then(forget, forget)
      overtime.abort(hanging)
      reject(hanging)
    }, limitMs)
    try {
      return await Promise.race([work, late])
    } catch (error) {
      if (signal.aborted || (hanging !== null && error === hanging)) throw error
      throw thrownError(error)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }
}
