import { RegistryError } from './errors.ts'

/**
 * Runs `work` with a signal that also fires after `ms`. Then it rejects with `registry-timeout`,
 * and with the outer signal's reason if that fired.
 */
export async function withDeadline<T>(
  ms: number,
  host: string,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms)
  try {
    return await work(AbortSignal.any([outer, deadline]))
  } catch (error) {
    outer.throwIfAborted()
    if (!deadline.aborted || error instanceof RegistryError) throw error
    throw new RegistryError('registry-timeout', `${host} took longer than ${ms} ms to answer`, {
      hint: 'check that it works, and the network in between',
      transient: true,
    })
  }
}
