import { Failure } from '../terminal/failure.ts'
import type { Targets } from './known.ts'

/**
 * Uses the first container that can be used: one that does not run, or whose host is not reached,
 * is passed over as long as `mayPass` allows it. Throws the first failure where none can be used.
 */
export async function useFirst<T>(
  found: Targets['found'],
  use: (target: Targets['found'][number]) => Promise<T>,
  mayPass: () => boolean = () => true,
): Promise<T> {
  let first: unknown
  for (const target of found) {
    try {
      return await use(target)
    } catch (error) {
      const isOther = error instanceof Failure && (error.code === 'not-running' || error.exit === 5)
      if (!isOther || !mayPass()) throw error
      first ??= error
    }
  }
  throw first
}
