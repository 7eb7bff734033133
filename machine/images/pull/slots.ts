/** A bounded number of places; who finds none waits, in order. */
export interface Slots {
  /** Runs `use` in a place of its own. Rejects with the signal's reason while waiting. */
  within<T>(signal: AbortSignal, use: () => Promise<T>): Promise<T>
}

/** Makes `count` places. */
export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  const release = (): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  const acquire = (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted()
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiting.splice(waiting.indexOf(take), 1)
        reject(signal.reason)
      }
      const take = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      waiting.push(take)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
  return {
    async within(signal, use) {
      await acquire(signal)
      try {
        return await use()
      } finally {
        release()
      }
    },
  }
}
