import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseRuntimeState, type RuntimeState } from '../../../reconcilers/tools/runc.ts'
import type { Life } from '../life.ts'
import type { ContainerPlaces } from '../places.ts'
import { lives, type ProcessName, startTicksOf } from '../processes.ts'

/**
 * Completes what an agent wrote that was killed while it made a process: runtime and supervisor
 * have noted themselves what it could not any more.
 */
export function adoptLife(life: Life | null, places: ContainerPlaces, id: string): Life | null {
  if (life === null || life.process !== null) return life
  const runtime = runtimeStateAt(places)
  if (runtime === null) return life
  const { pid, startTicks, cgroups } = runtime
  if (!lives({ pid, startTicks })) return life
  return { ...life, process: { pid, startTicks }, supervisor: supervisorAt(places, id), cgroups }
}

/** State that the runtime keeps of a container; null if it cannot be read. */
export function runtimeStateAt(places: ContainerPlaces): RuntimeState | null {
  const text = textAt(join(places.runtime, 'state.json'))
  return text === null ? null : parseRuntimeState(text)
}

/** The living supervisor of a container; its number alone could be another's by now. */
export function supervisorAt(places: ContainerPlaces, id: string): ProcessName | null {
  const pid = Number(textAt(places.supervisorPid)?.trim())
  const startTicks = Number.isInteger(pid) && pid > 0 ? startTicksOf(pid) : null
  if (startTicks === null) return null
  const words = textAt(`/proc/${pid}/cmdline`)?.split('\0') ?? []
  return words.includes(id) ? { pid, startTicks } : null
}

function textAt(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
