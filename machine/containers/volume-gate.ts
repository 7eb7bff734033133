import { CoveyError } from '../../protocol/fault.ts'
import type { VolumeClosing } from '../../reconcilers/container-facts.ts'

/**
 * Who may use which volume just now. A process sees the folder that was there when it was made, so
 * what takes the place of one must not meet a process that is being made:
 *
 * 1. no process is made with a volume while it is closed;
 * 2. a volume is closed once nobody makes a process with it.
 */
export interface VolumeGate {
  /** Volumes that are closed, by object. */
  readonly closed: ReadonlyMap<string, VolumeClosing>
  /** Does something that gives a process these volumes. Throws `volume-closed`. */
  using<T>(volumes: readonly string[], work: () => Promise<T>): Promise<T>
  /** Closes a volume, and resolves once nobody is in. Throws `volume-busy` if another has. */
  close(object: string, closing: VolumeClosing): Promise<void>
  open(object: string): void
}

/** A gate that is open. `onChange` is told of each closing and opening, and must not throw. */
export function createVolumeGate(onChange: (reason: string) => void): VolumeGate {
  const closed = new Map<string, VolumeClosing>()
  const inside = new Map<string, number>()
  let leavers: (() => void)[] = []
  const add = (object: string, by: number): void => {
    const count = (inside.get(object) ?? 0) + by
    if (count > 0) inside.set(object, count)
    else inside.delete(object)
  }
  return {
    closed,
    async using(volumes, work) {
      const own = [...new Set(volumes)]
      for (const object of own) {
        const closing = closed.get(object)
        if (closing === undefined) continue
        throw new CoveyError('volume-closed', `the volume ${object} ${closing.reason}`)
      }
      for (const object of own) add(object, 1)
      try {
        return await work()
      } finally {
        for (const object of own) add(object, -1)
        const waiting = leavers
        leavers = []
        for (const wake of waiting) wake()
      }
    },
    async close(object, closing) {
      const other = closed.get(object)
      if (other !== undefined) {
        throw new CoveyError('volume-busy', `the volume ${object} ${other.reason}`, {
          hint: 'wait until that has ended',
        })
      }
      closed.set(object, closing)
      onChange(`the volume ${object} ${closing.reason}`)
      while (inside.has(object)) await new Promise<void>((wake) => leavers.push(wake))
    },
    open(object) {
      if (closed.delete(object)) onChange(`the volume ${object} may be used again`)
    },
  }
}
