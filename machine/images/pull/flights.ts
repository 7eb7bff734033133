/** Work that several callers want at once is done once. */
export interface Flights<T> {
  /**
   * Joins the work of that name, or begins it. It is aborted only when nobody waits for it any
   * more; who is aborted gets the signal's reason at once.
   */
  join(name: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Resolves when none is under way, not even one that is ending. */
  idle(): Promise<void>
}

interface Flight<T> {
  readonly outcome: Promise<T>
  readonly ending: AbortController
  passengers: number
}

/** Makes an empty set of flights. */
export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>()
  const underWay = new Set<Promise<T>>()
  const open = (name: string, begin: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const ending = new AbortController()
    const outcome = begin(ending.signal).finally(() => {
      if (flights.get(name) === flight) flights.delete(name)
      underWay.delete(outcome)
    })
    const flight: Flight<T> = { outcome, ending, passengers: 0 }
    outcome.catch(() => undefined)
    underWay.add(outcome)
    flights.set(name, flight)
    return flight
  }
  return {
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
    async join(name, signal, begin) {
      signal.throwIfAborted()
      const known = flights.get(name)
      const flight = known === undefined || known.ending.signal.aborted ? open(name, begin) : known
      flight.passengers++
      try {
        return await unlessAborted(flight.outcome, signal)
      } finally {
        flight.passengers--
        if (flight.passengers === 0) flight.ending.abort(new Error('nothing waits for it any more'))
      }
    },
  }
}

function unlessAborted<T>(outcome: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
