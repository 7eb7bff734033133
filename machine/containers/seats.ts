/** Seats for what may be done only so many times at once. */
export interface Seats {
  /** Keeps a seat for one more; gives it back when called, or null where all are taken. */
  reserve(): (() => void) | null
}

/** Opens so many seats. */
export function createSeats(most: number): Seats {
  let reserved = 0
  return {
    reserve() {
      if (reserved >= most) return null
      reserved++
      let isHeld = true
      return () => {
        if (isHeld) reserved--
        isHeld = false
      }
    },
  }
}
