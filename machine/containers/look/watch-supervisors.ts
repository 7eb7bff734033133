import { supervisorCheckMs } from '../limits.ts'
import { lives, type ProcessName } from '../processes.ts'
import type { ContainersState } from '../state.ts'

/** Watches until it is closed. */
export interface SupervisorWatch {
  close(): void
}

/**
 * Hears soon that a container has lost its supervisor while it runs: two small files of /proc a
 * container and second. What ends together is told of by `watchExits`.
 */
export function watchSupervisors({ records, life, onChange }: ContainersState): SupervisorWatch {
  const told = new Map<string, ProcessName | null>()
  const check = (): void => {
    for (const id of records.ids()) {
      const known = life(id)
      const supervisor = known?.supervisor ?? null
      const isLost = known?.process != null && !lives(supervisor) && lives(known.process)
      if (!isLost) {
        told.delete(id)
        continue
      }
      if (told.has(id) && told.get(id) === supervisor) continue
      told.set(id, supervisor)
      onChange('a container has lost its supervisor')
    }
  }
  const timer = setInterval(check, supervisorCheckMs)
  timer.unref()
  return { close: () => clearInterval(timer) }
}
